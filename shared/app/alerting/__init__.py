"""Raising alerts once, sending them, and what is told without the store (behaviour 7, 8)."""
