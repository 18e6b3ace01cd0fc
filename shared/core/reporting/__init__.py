"""What people look at, as values (behaviour 11)."""
