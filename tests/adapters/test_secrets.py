"""The Secrets port: environment and Secret Manager."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace

import pytest
from google.api_core.exceptions import (
    DeadlineExceeded,
    FailedPrecondition,
    NotFound,
    PermissionDenied,
    ServiceUnavailable,
)
from google.auth.exceptions import DefaultCredentialsError, RefreshError

from shared.adapters.google.secret_manager import SecretManagerSecrets
from shared.adapters.local.environment import EnvironmentSecrets
from shared.core.errors import Unavailable
from shared.ports import Secrets
from tests.adapters.support import ManualClock, MemoryLog

NAME = "slack-webhook-url"
PATH = f"projects/demo-p/secrets/{NAME}/versions/latest"


@dataclass
class Vault:
    """Secret Manager's client: holds values, or errors to raise instead."""

    values: dict[str, bytes | Exception] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def access_secret_version(self, *, name: str, timeout: float) -> object:
        assert timeout <= 10
        self.asked.append(name)
        value = self.values.get(name, NotFound("Secret not found"))
        if isinstance(value, Exception):
            raise value
        return SimpleNamespace(payload=SimpleNamespace(data=value))


class Fixture:
    def __init__(self, value: bytes | Exception | None = None) -> None:
        self.vault, self.clock, self.log = Vault(), ManualClock(), MemoryLog()
        if value is not None:
            self.vault.values[PATH] = value
        self.secrets: Secrets = SecretManagerSecrets("demo-p", self.clock, self.log, self.vault)


@pytest.mark.parametrize(
    ("variables", "value"),
    [
        ({"SLACK_WEBHOOK_URL": " https://hooks \n"}, "https://hooks"),
        ({"SLACK_WEBHOOK_URL": " \n"}, None),
        ({"slack-webhook-url": "wrong case"}, None),
        ({}, None),
    ],
)
def test_the_environment_holds_secrets_in_capitals(variables: dict[str, str], value: str | None) -> None:
    """A dash becomes an underscore, white space goes, and an empty variable is absent."""
    secrets: Secrets = EnvironmentSecrets(variables)
    assert secrets.get(NAME) == value


def test_the_latest_version_is_read_without_white_space() -> None:
    """A line end in the stored value would break a URL."""
    it = Fixture(b" https://hooks\n")
    assert it.secrets.get(NAME) == "https://hooks"
    assert it.vault.asked == [PATH]


def test_a_value_is_kept_five_minutes() -> None:
    """A rotated secret is seen after at most 5 minutes, and not asked for before."""
    it = Fixture(b"old")
    it.secrets.get(NAME)
    it.vault.values[PATH] = b"new"
    it.clock.sleep(timedelta(minutes=5) - timedelta.resolution)
    assert it.secrets.get(NAME) == "old"
    it.clock.sleep(timedelta.resolution)
    assert it.secrets.get(NAME) == "new"
    assert len(it.vault.asked) == 2


@pytest.mark.parametrize(
    "value",
    [NotFound("x"), PermissionDenied("x"), FailedPrecondition("disabled"), b"\xff\xfe", b" \n"],
    ids=["not found", "denied", "disabled", "no text", "empty"],
)
def test_what_cannot_be_had_is_none(value: bytes | Exception) -> None:
    """Absent, forbidden, disabled and unreadable secrets are None; the value never shows."""
    it = Fixture(value)
    assert it.secrets.get(NAME) is None
    assert it.secrets.get(NAME) is None
    assert len(it.vault.asked) == 1


def test_an_absent_secret_is_in_the_log() -> None:
    """The line names the secret and the reason, once each time it was asked for."""
    it = Fixture()
    it.secrets.get(NAME)
    ((event, severity, keys),) = it.log.lines
    assert (event, severity, keys["secret"]) == ("secret.absent", "WARNING", NAME)
    assert "NotFound" in str(keys["reason"])


def test_an_absent_secret_that_was_added_is_found() -> None:
    """Absence too is kept for 5 minutes only."""
    it = Fixture()
    it.secrets.get(NAME)
    it.vault.values[PATH] = b"now"
    it.clock.sleep(timedelta(minutes=5))
    assert it.secrets.get(NAME) == "now"


@pytest.mark.parametrize(
    "error",
    [ServiceUnavailable("x"), DeadlineExceeded("x"), DefaultCredentialsError("x"), RefreshError("x")],
    ids=lambda error: type(error).__name__,
)
def test_an_outage_is_unavailable_unless_a_value_is_known(error: Exception) -> None:
    """With nothing read yet it raises; later the last value serves, with a warning."""
    it = Fixture(error)
    with pytest.raises(Unavailable, match=NAME):
        it.secrets.get(NAME)
    it.vault.values[PATH] = b"value"
    assert it.secrets.get(NAME) == "value"
    it.vault.values[PATH] = error
    it.clock.sleep(timedelta(hours=1))
    assert it.secrets.get(NAME) == "value"
    assert it.log.lines[-1][:2] == ("secret.stale", "WARNING")
