"""How the service level objectives of a pipeline stand, read from the record (behaviour 14)."""
