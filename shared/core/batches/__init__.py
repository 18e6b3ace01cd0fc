"""Batches: a phase whose members are known only when it starts, as values and decisions."""
