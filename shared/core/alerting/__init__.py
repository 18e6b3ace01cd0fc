"""What a person must know, and the lifecycle of an alert (behaviour 7)."""
