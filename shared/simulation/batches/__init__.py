"""Batches in a scenario: the workers that stand in, what is expected, and what is seen."""
