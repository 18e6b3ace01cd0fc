"""Workflows in a scenario: handlers that wait in virtual time, scrapers that answer, and what is seen of runs."""
