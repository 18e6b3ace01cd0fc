"""What cannot be understood: kept as it came, within bounds, and the way back (behaviour R1, R9)."""
