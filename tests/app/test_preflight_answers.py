"""What a service answers to its preflight, however strange: a verdict, bounded, never an error (behaviour 6)."""

from __future__ import annotations

import json

import pytest

from shared.app.transitions.preflight import judge
from shared.core.decision.gates import Fit, Unfit
from shared.ports import Response
from tests.core.build import POLICY

SERVICE = next(iter(POLICY.services.values()))
DEEP = ["[" * 100_000, "[" * 900 + "]" * 900, '{"status": ' * 900 + "1" + "}" * 900, '{"a":' * 50_000, "9" * 50_000]


@pytest.mark.parametrize("body", DEEP, ids=["open lists", "lists", "objects", "open objects", "digits"])
@pytest.mark.parametrize("status", [200, 404, 503])
def test_a_nested_answer_is_judged_by_its_status(status: int, body: str) -> None:
    """200 is fit, the rest is not; what was answered is not repeated at length."""
    verdict = judge(SERVICE, Response(status, body))
    assert isinstance(verdict, Fit if status == 200 else Unfit)
    assert len(verdict.text if isinstance(verdict, Unfit) else verdict.note) < 300


@pytest.mark.parametrize("key", ["status", "service"])
def test_a_long_word_is_cut(key: str) -> None:
    """Alerts and documents hold what a person reads."""
    verdict = judge(SERVICE, Response(503, json.dumps({key: "x" * 60_000})))
    assert isinstance(verdict, Unfit)
    assert len(verdict.text) < 300


@pytest.mark.parametrize("word", ["ready", "healthy", "OK", "degraded", "Ready"])
def test_a_word_that_says_well_is_fit_in_any_case(word: str) -> None:
    """Whatever 5xx it comes with."""
    assert isinstance(judge(SERVICE, Response(503, json.dumps({"status": word}))), Fit)
    assert isinstance(judge(SERVICE, Response(503, word)), Fit)
