"""Secrets from environment variables."""

from __future__ import annotations

from collections.abc import Mapping


class EnvironmentSecrets:
    """Reads ``slack-webhook-url`` from the variable ``SLACK_WEBHOOK_URL`` of ``variables``; an empty one is absent."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def get(self, name: str) -> str | None:
        return self._variables.get(name.replace("-", "_").upper(), "").strip() or None
