"""Judging the pipeline by its output: checks, their record, what people are told of them (behaviour 10)."""
