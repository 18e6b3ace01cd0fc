"""Random nights in which phases are asked to run again on data, judged by an oracle of its own (behaviour 9)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shared.core import reruns_on_data
from tests.random_nights import opening
from tests.random_nights.opening import RerunCall
from tests.random_nights.parallel import play_seed

SEEDS = (7, 62, 107, 162)
# Nights that break a promise where the rule is broken.
GIVEN_AWAY = (7, 72, 17, 107)


def test_phases_are_asked_on_data_and_never_too_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before they are due phases are asked only for what lacked the data that has come; most of these nights have
    such a call."""
    early, due = [], opening._is_due

    def watched(policy: Any, book: Any, call: RerunCall, name: str) -> bool:
        is_due = due(policy, book, call, name)
        early.extend([] if is_due else [book.night.seed])
        return is_due

    monkeypatch.setattr(opening, "_is_due", watched)
    assert [violation for seed in SEEDS for violation in play_seed(seed).violations] == []
    assert len(set(early)) > len(SEEDS) // 2


BROKEN: dict[str, tuple[str, Callable[..., Any]]] = {
    "whatever was reported": ("_opens_at", lambda came_at, *_: came_at),
    "whoever starts it": ("_not_begun", lambda *_: ""),
    "half of the grace": (
        "_opens_at",
        lambda came, reported, started, grace: max(came, started, reported or came) + (grace or timedelta(hours=9)) / 2,
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_who_asks_too_soon_is_seen(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each way to ask too soon is found in one of these nights."""
    monkeypatch.setattr(reruns_on_data, *BROKEN[broken])
    assert any(
        violation.startswith("nothing_is_asked_too_soon")
        for seed in GIVEN_AWAY
        for violation in play_seed(seed).violations
    )
