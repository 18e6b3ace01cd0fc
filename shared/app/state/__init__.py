"""The state store as values, leases and the shared circuit breaker (behaviour 12)."""
