"""The audit log for people: written after the decision, compared with the state (behaviour 8)."""
