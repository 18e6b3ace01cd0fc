"""Receiving completions, deciding transitions and dispatching them (behaviour 2 to 6)."""
