"""Secrets from Google Secret Manager."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Protocol

from shared.adapters.wire import Log
from shared.core.errors import Unavailable
from shared.ports import Clock

_KEPT = timedelta(minutes=5)
_TIMEOUT_SECONDS = 5.0


class SecretClient(Protocol):
    """The one call that is made of the Secret Manager client."""

    def access_secret_version(self, *, name: str, timeout: float) -> Any: ...


class SecretManagerSecrets:
    """Reads the latest version of a project's secrets, each at most every 5 minutes.

    Absent, disabled, or not ours to read is None, with a line in the log. While the service does not answer,
    the last value read serves; with none, Unavailable.
    """

    def __init__(self, project: str, clock: Clock, log: Log, client: SecretClient | None = None) -> None:
        self._project, self._clock, self._log, self._given = project, clock, log, client
        self._kept: dict[str, tuple[str | None, datetime]] = {}

    def get(self, name: str) -> str | None:
        from google.api_core.exceptions import GoogleAPIError
        from google.auth.exceptions import GoogleAuthError

        now = self._clock.now()
        kept = self._kept.get(name)
        if kept is not None and now - kept[1] < _KEPT:
            return kept[0]
        try:
            value = self._read(name)
        except (GoogleAPIError, GoogleAuthError) as error:
            if kept is None:
                raise Unavailable("secrets", f"{name}: {type(error).__name__}: {error}") from error
            self._log("secret.stale", severity="WARNING", secret=name, reason=f"{type(error).__name__}: {error}")
            return kept[0]
        self._kept[name] = (value, now)
        return value

    def _read(self, name: str) -> str | None:
        from google.api_core.exceptions import FailedPrecondition, NotFound, PermissionDenied

        version = f"projects/{self._project}/secrets/{name}/versions/latest"
        try:
            answer = self._client.access_secret_version(name=version, timeout=_TIMEOUT_SECONDS)
            return str(answer.payload.data.decode()).strip() or None
        # FailedPrecondition: the latest version is disabled or destroyed.
        except (NotFound, PermissionDenied, FailedPrecondition, UnicodeDecodeError) as error:
            self._log("secret.absent", severity="WARNING", secret=name, reason=f"{type(error).__name__}: {error}")
            return None

    @cached_property
    def _client(self) -> SecretClient:
        if self._given is not None:
            return self._given
        from google.cloud import secretmanager

        client: SecretClient = secretmanager.SecretManagerServiceClient()
        return client
