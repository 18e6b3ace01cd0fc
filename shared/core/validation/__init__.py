"""Judging the pipeline by its output (behaviour 10)."""
