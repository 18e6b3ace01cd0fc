"""What is deployed here is the repository's own pipeline alone, whatever lies beside its policy."""

from __future__ import annotations

import pytest

from tests.deploy.world import command_alone


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands of this process take the manifest of the tests for that of the repository."""
    command_alone(monkeypatch)
