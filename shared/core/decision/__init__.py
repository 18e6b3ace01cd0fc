"""What is decided: state, policy, clock and readings in, one value out (behaviour 3)."""
