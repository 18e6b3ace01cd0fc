"""The policy of a pipeline as values, and what can be wrong with it."""
