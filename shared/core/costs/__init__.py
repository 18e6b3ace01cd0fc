"""What a month costs, from the policy: operations, statements, charges, quotas."""
