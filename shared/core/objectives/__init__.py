"""Service level objectives: which events count, what is left of their error budget, and how fast it burns."""
