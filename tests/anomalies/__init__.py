"""Anomalies on a season: values of every phase and processor with injected faults, and what the bands make of them."""
