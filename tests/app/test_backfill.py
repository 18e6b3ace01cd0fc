"""`orch backfill`: a phase is asked for past dates, one by one, after a plan (behaviour D9, D10, D11)."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from shared.core.errors import Unavailable, Unreached
from shared.core.model import Lane, RunKey
from shared.core.policy.phases import Disabled
from shared.core.wire.answers import AnswerRule, Means
from shared.ports import Response
from shared.simulation.scenario import FaultKind, GameCount
from tests.app.handlers_kit import HandlersKit
from tests.core.build import DAY, NIGHT, PHASE3, POLICY

FIRST, EMPTY, SECOND_DAY, LAST = (date(2026, 1, day) for day in (12, 13, 14, 15))
RANGE = ("backfill", "phase3", "--from", str(FIRST), "--to", str(LAST), "--mode", "overnight")
WHY = ("--reason", "the source's corrected", "--by", "ada")
MEANT = (*RANGE, *WHY, "--yes")
GO_ON = re.compile(r"bin/(orch backfill .*)$", re.MULTILINE)
Answer = Response | Unavailable | None


@pytest.fixture
def kit() -> HandlersKit:
    """Four past dates, of which the second has no games, besides the night that is worked on."""
    kit = HandlersKit().ordinary()
    kit.change(games={day: GameCount(final=5) for day in (FIRST, SECOND_DAY, LAST)})
    kit.change(games={EMPTY: 0})
    return kit


def past(day: date) -> RunKey:
    return replace(NIGHT, day=day, lane=Lane.BACKFILL)


def asked_for(kit: HandlersKit) -> list[str]:
    return [call.body["game_date"] for call in kit.reruns]


NOT_ASKED = object()


def answering(kit: HandlersKit, *answers: Answer) -> None:
    """Let the service give these answers, one after another."""
    given: Iterator[Answer] = iter(answers)
    services = kit.services

    def request(method: str, url: str, body: Any, timeout: timedelta) -> Response:
        if method == "POST":
            answer = next(given, NOT_ASKED)
            assert answer is not NOT_ASKED, "it asks more often than it should"
            services.answers["analytics"] = answer  # type: ignore[assignment]
        return type(services).request(services, method, url, body, timeout)

    kit.services.request = request  # type: ignore[method-assign]


def test_dates_are_asked_oldest_first_in_the_backfill_lane(kit: HandlersKit) -> None:
    """Each date with units once, in a run of its own, the body that of the lane; who and why is kept with each."""
    status, output = kit.orch(*MEANT)
    assert status == 0, output
    assert asked_for(kit) == [str(day) for day in (FIRST, SECOND_DAY, LAST)]
    for call, day in zip(kit.reruns, (FIRST, SECOND_DAY, LAST), strict=True):
        assert (call.body["run_id"], call.body["lane"], call.body["reason"]) == (past(day).id, "backfill", WHY[1])
        assert set(call.body["processors"]) == set(PHASE3)
        act = kit.state("phase3_to_phase4", past(day)).acts[-1]
        assert (act.verb, act.by, act.reason) == ("rerun", "ada", WHY[1])
    assert kit.state("phase3_to_phase4", NIGHT).acts == ()
    assert "3 of 3 accepted" in output


def test_a_date_without_units_is_left_out_and_named(kit: HandlersKit) -> None:
    """By the calendar; its run is not opened."""
    _, output = kit.orch(*MEANT)
    assert f"{EMPTY}  left out: no games" in output
    assert kit.contents(f"runs/nba~{EMPTY}") == {}


def test_a_date_whose_live_run_is_open_is_left_to_it(kit: HandlersKit) -> None:
    """What is reported would count there: exit 3, and the command that asks in that run; so with what is to come."""
    kit.sweep()
    words = ("backfill", "phase3", "--from", str(DAY), "--to", "2026-01-23", *RANGE[6:], *WHY, "--yes")
    status, output = kit.orch(*words)
    assert status == 3
    [command] = re.findall(rf"{DAY}  left out: its live run is open, .*: bin/orch (.*)$", output, re.MULTILINE)
    assert "2026-01-22  left out: its live run is of 2026-01-23, and is still to come" in output
    assert kit.reruns == []
    assert kit.orch(*shlex.split(command))[0] == 0
    assert [call.body["run_id"] for call in kit.reruns] == [NIGHT.id]


def test_a_date_whose_live_run_is_closed_is_asked(kit: HandlersKit) -> None:
    """Its run is over: the backfill lane has a run of its own."""
    kit.sweep()
    kit.wait(timedelta(days=4))
    kit.sweep()
    assert kit.run().closed_at is not None
    words = ("backfill", "phase3", "--from", str(DAY), "--to", str(DAY), *RANGE[6:], *WHY, "--yes")
    assert kit.orch(*words)[0] == 0
    assert [call.body["run_id"] for call in kit.reruns] == [past(DAY).id]


def test_a_date_on_which_everybody_is_disabled_is_left_out(kit: HandlersKit) -> None:
    """Nobody would run; a call without names might be taken for one of all."""
    off = Disabled(since=date(2026, 1, 15), reason="moved")
    phase = kit.policy.phases["phase3"]
    silent = replace(
        phase, processors={name: replace(processor, disabled=off) for name, processor in phase.processors.items()}
    )
    ctx = kit.instance(policy=replace(POLICY, phases={**POLICY.phases, "phase3": silent}))
    _, output = kit.orch(*MEANT, ctx=ctx)
    assert f"{LAST}  left out: every processor of phase3 is disabled on it" in output
    assert asked_for(kit) == [str(FIRST), str(SECOND_DAY)]


def test_what_is_planned_is_what_is_sent(kit: HandlersKit) -> None:
    """The bodies of `--dry-run --json` are those that leave afterwards, the correlation id aside."""
    status, output = kit.orch(*RANGE, *WHY, "--dry-run", "--json")
    document = json.loads(output[: output.rindex("}") + 1])
    assert (status, [entry["state"] for entry in document["dates"]]) == (
        0,
        ["planned", "left_out", "planned", "planned"],
    )
    assert kit.effects.done == []
    kit.orch(*MEANT)
    bodies = [entry["body"] for entry in document["dates"] if entry["body"] is not None]
    sent = [{**call.body, "correlation_id": "<new>"} for call in kit.reruns]
    assert bodies == json.loads(json.dumps(sent))


@pytest.mark.parametrize(("per_minute", "seconds"), [((), 60), (("--per-minute", "4"), 15)])
def test_dates_are_asked_at_a_rate(kit: HandlersKit, per_minute: tuple[str, ...], seconds: int) -> None:
    """One a minute unless said otherwise, from call to call; none waits before the first or after the last."""
    kit.orch(*MEANT, *per_minute)
    times = [call.at for call in kit.reruns]
    assert [later - earlier for earlier, later in pairwise(times)] == [timedelta(seconds=seconds)] * 2
    assert kit.waited == timedelta(seconds=2 * seconds)


# what is answered


def test_each_answer_is_told_as_what_it_means(kit: HandlersKit) -> None:
    """Busy and refused end nothing: each date is told, exit 4, and the command that asks for it again works."""
    service = kit.policy.services["analytics"]
    rules = {"/process-date-range": (AnswerRule(frozenset({409}), Means.BUSY),)}
    services = {**POLICY.services, "analytics": replace(service, answers=rules)}
    ctx = kit.instance(policy=replace(POLICY, services=services))
    answering(kit, Response(409, '{"batch": "b7"}'), Response(422, "unknown date"), Response(200, "{}"))
    status, output = kit.orch(*MEANT, ctx=ctx)
    assert status == 4, output
    assert re.search(rf"^{FIRST}  busy: .*409", output, re.MULTILINE)
    assert re.search(rf"^{SECOND_DAY}  refused: .*422.*unknown date", output, re.MULTILINE)
    assert re.search(rf"^{LAST}  accepted: ", output, re.MULTILINE)
    assert "1 of 3 accepted" in output
    again = re.findall(r"again: bin/orch (.*)$", output, re.MULTILINE)
    answering(kit, Response(200, "{}"), Response(200, "{}"))
    assert [kit.orch(*shlex.split(words), ctx=ctx)[0] for words in again] == [0, 0]
    assert [call.body["run_id"] for call in kit.reruns[3:]] == [past(FIRST).id, past(SECOND_DAY).id]


def test_an_answer_that_did_nothing_is_not_yet(kit: HandlersKit) -> None:
    """A 200 whose body says that nothing ran is no yes, and is told with its words."""
    answering(kit, Response(200, '{"status": "no_processors"}'), Response(200, "{}"), Response(200, "{}"))
    status, output = kit.orch(*MEANT)
    assert status == 4
    assert re.search(rf"^{FIRST}  not yet: .*no_processors", output, re.MULTILINE)


OUTAGES: dict[str, tuple[Answer, date]] = {
    "503": (Response(503, "overloaded"), SECOND_DAY),
    "connection refused": (Unreached("analytics", "connection refused"), SECOND_DAY),
    "no answer in time, so it may be at work": (None, LAST),
}


@pytest.mark.parametrize(("answer", "go_on_from"), OUTAGES.values(), ids=OUTAGES)
def test_the_first_outage_ends_it_with_the_command_that_goes_on(
    kit: HandlersKit, answer: Answer, go_on_from: date
) -> None:
    """Exit 5, no further call; the command asks for the rest, a date that may be at work not again."""
    answering(kit, Response(200, "{}"), answer)
    status, output = kit.orch(*MEANT, "--per-minute", "4")
    assert (status, asked_for(kit)) == (5, [str(FIRST), str(SECOND_DAY)])
    assert f"{SECOND_DAY}  no answer: " in output
    [command] = GO_ON.findall(output)
    words = shlex.split(command)[1:]
    assert (words[words.index("--from") + 1], words[words.index("--per-minute") + 1]) == (str(go_on_from), "4")
    answering(kit, Response(200, "{}"), Response(200, "{}"))
    before = len(kit.reruns)
    assert kit.orch(*words)[0] == 0
    expected = [str(day) for day in (SECOND_DAY, LAST) if day >= go_on_from]
    assert asked_for(kit)[before:] == expected


def test_an_outage_of_the_state_ends_it_too(kit: HandlersKit) -> None:
    """The state goes away after the first date: the second is not called, and the command begins with it."""
    services, ask = kit.services, kit.services.request

    def request(method: str, url: str, body: Any, timeout: timedelta) -> Response:
        answer = ask(method, url, body, timeout)
        if len(kit.reruns) == 2:
            kit.fail("state", FaultKind.UNAVAILABLE)
        return answer

    services.request = request  # type: ignore[method-assign]
    status, output = kit.orch(*MEANT)
    assert (status, asked_for(kit)) == (5, [str(FIRST), str(SECOND_DAY)])
    assert f"{SECOND_DAY}  accepted: " in output, "what was accepted is not asked again"
    [command] = GO_ON.findall(output)
    assert f"--from {LAST}" in command


def test_an_interruption_says_how_to_go_on(kit: HandlersKit, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a shell ends it: 130, after the date that was asked."""

    def interrupted(duration: timedelta) -> None:
        if duration:
            raise KeyboardInterrupt

    monkeypatch.setattr(kit.clock, "sleep", interrupted)
    status, output = kit.orch(*MEANT)
    assert (status, asked_for(kit)) == (130, [str(FIRST)])
    assert f"--from {SECOND_DAY}" in GO_ON.findall(output)[0]


# before anything is sent


@pytest.mark.parametrize(("answer", "status"), [(True, 0), (False, 4)])
def test_a_person_at_a_terminal_sees_the_plan_and_is_asked(
    kit: HandlersKit, monkeypatch: pytest.MonkeyPatch, answer: bool, status: int
) -> None:
    """What is not confirmed is not done."""
    questions: list[str] = []

    def confirm(text: str, **more: object) -> bool:
        questions.append(text)
        return answer

    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("typer.confirm", confirm)
    ended, output = kit.orch(*RANGE, *WHY)
    assert (ended, len(kit.reruns)) == (status, 3 if answer else 0)
    assert f"{FIRST}  5 games: POST " in output
    assert "3 dates" in questions[0]


def test_where_nobody_can_be_asked_yes_has_to_be_said(kit: HandlersKit) -> None:
    """Exit 4, nothing written or sent; the command of the hint does what was planned."""
    status, output = kit.orch(*RANGE, *WHY)
    assert (status, kit.effects.done) == (4, [])
    [command] = GO_ON.findall(output)
    assert kit.orch(*shlex.split(command)[1:])[0] == 0
    assert len(kit.reruns) == 3


def without_address(kit: HandlersKit) -> dict[str, Any]:
    ctx = kit.instance()
    return {"ctx": replace(ctx, endpoints={**ctx.endpoints, "analytics": None})}


def without_calendar(kit: HandlersKit) -> dict[str, Any]:
    kit.fail("warehouse")
    return {}


REFUSED: dict[str, tuple[tuple[str, ...], Callable[[HandlersKit], dict[str, Any]], int, str]] = {
    "wrong order": ((*RANGE, "--to", "2026-01-01", *WHY, "--yes"), lambda kit: {}, 2, "later than --to"),
    "too many": ((*RANGE, "--from", "2024-01-01", *WHY, "--yes"), lambda kit: {}, 2, "366"),
    "empty reason": ((*RANGE, "--reason", " ", "--yes"), lambda kit: {}, 2, "--reason is empty"),
    "no such rate": ((*MEANT, "--per-minute", "0"), lambda kit: {}, 2, "--per-minute"),
    "no rerun": (("backfill", "phase6", *MEANT[2:]), lambda kit: {}, 4, "no rerun in the policy"),
    "no address": (MEANT, without_address, 5, "ANALYTICS_PROCESSOR_URL"),
    "no calendar": (MEANT, without_calendar, 5, "calendar"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_done_is_refused_before_anything_is_sent(kit: HandlersKit, case: str) -> None:
    """With the exit status of its kind and what is wrong; nothing written, nothing called."""
    argv, spoil, expected, message = REFUSED[case]
    status, output = kit.orch(*argv, **spoil(kit))
    assert (status, message in output) == (expected, True), output
    assert kit.effects.done == []
