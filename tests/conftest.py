"""Fixtures of the whole suite, each from the module that owns it."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# How long an example takes says how busy the machine is, and nothing of the code.
settings.register_profile("suite", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")

# In the order of their imports: what one imports of another must be known to pytest by then.
pytest_plugins = ["tests.emulators.gcloud", "tests.emulators.bigquery"]
