"""Fixtures of the whole suite, each from the module that owns it."""

from __future__ import annotations

# In the order of their imports: what one imports of another must be known to pytest by then.
pytest_plugins = ["tests.emulators.gcloud", "tests.emulators.bigquery"]
