"""Documented quotas of the platform, and the governors that keep what we ask under them."""
