"""Workflows of phase 1: when scrapers are called, and what came of it."""
