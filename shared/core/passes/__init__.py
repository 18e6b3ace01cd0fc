"""Which pass over a date a message belongs to, and on which days a pass is expected (behaviour R4, R11, T1)."""
