"""Where an alert leads: a title in words, links, one command, and how it ended (behaviour A1, A2)."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from shared.core import commands
from shared.core.alerting.first_step import first_step
from shared.core.alerting.kinds import CATALOGUE, AlertKind
from shared.core.alerting.links import Places, links_of
from shared.core.alerting.resolution import resolution, resolution_text
from shared.core.alerting.titles import title
from shared.core.model import Act, Lane, Outcome, RunKey, TransitionState
from tests.core.build import (
    BACKFILL,
    DAY,
    NIGHT,
    PGS,
    PHASE3,
    POLICY,
    SAME_DAY,
    T0,
    TO4,
    UPGC,
    at,
    dispatched,
    done,
    known,
    plan,
    report,
    snapshot,
)  # fmt: skip

PLACES = Places("https://page.example/", "my-project", "https://wiki.example/ALERTS.md")
# Where reports of the phase that a transition starts come from.
PHASE4 = "ml_feature_store"


# the title


@pytest.mark.parametrize("kind", AlertKind)
def test_what_a_person_reads_first_has_no_name_of_a_program(kind: AlertKind) -> None:
    """Of every kind, in every mode and lane, of a transition, a phase, a workflow and of nothing: no underscore."""
    names = [*POLICY.transitions, *POLICY.phases, "post_game_window_3", ""]
    runs = [RunKey("nba", DAY, mode, lane).id for mode in POLICY.modes for lane in Lane] + ["nba"]
    titles = [title(POLICY, kind, run, name) for run in runs for name in names]
    assert not [text for text in titles if "_" in text or not text.startswith(CATALOGUE[kind].title)]


def test_a_title_says_what_where_and_when() -> None:
    """The phases by the titles that the policy gives them, the date, the pass over it, and the backfill lane."""
    phases = POLICY.phases["phase3"].title, POLICY.phases["phase4"].title
    expected = f"Held: {phases[0]} to {phases[1]}, {DAY} same day"
    assert title(POLICY, "held", SAME_DAY.id, TO4) == expected
    assert title(POLICY, "held", BACKFILL.id, TO4).endswith(f"{DAY} overnight backfill")
    assert title(POLICY, "of_a_later_version", "nba", "") == "Of a later version: nba"


# links


def test_an_alert_of_a_run_leads_to_its_page_its_log_and_its_runbook() -> None:
    """The page by the run's id; the Logs Explorer with a query that names the label each line of the run has, from a
    day before; the line of its kind in the table of alerts."""
    page, log, runbook = links_of(PLACES, "held", SAME_DAY.id, T0)
    assert (page.text, log.text, runbook.text) == ("Run", "Log", "Runbook")
    assert parse_qs(urlsplit(page.url).query) == {"run": [SAME_DAY.id]}
    head, _, project = log.url.partition("?")
    console, _, query = head.partition(";query=")
    assert (console, project) == ("https://console.cloud.google.com/logs/query", "project=my-project")
    assert unquote(query) == f'labels.run_id="{SAME_DAY.id}"\ntimestamp>="2026-01-21T11:00:00Z"'
    assert runbook.url == "https://wiki.example/ALERTS.md#held"


def test_a_semicolon_or_a_quote_cannot_leave_the_query() -> None:
    """What the console takes apart at `;` and `?` is quoted."""
    [log] = links_of(Places(project="p"), "error", "nba;?&", T0)
    assert log.url.count(";") == 1
    assert log.url.count("?") == 1


def test_an_alert_of_no_run_leads_to_the_page_and_the_log_of_its_pipeline() -> None:
    """And where the page shows several pipelines, it is told which."""
    page, log, _ = links_of(replace(PLACES, several=True), "dead_letters", "nba", T0)
    assert page.url == "https://page.example/?pipeline=nba"
    assert 'labels.pipeline="nba"' in unquote(log.url)


def test_what_nobody_said_is_no_link() -> None:
    """No base URL, no link: a link that leads nowhere is worse."""
    assert links_of(Places(), "held", NIGHT.id, T0) == ()


# the command


def test_the_first_command_of_a_text_is_the_one_to_paste() -> None:
    """As it is printed, whatever stands before it in its line; the others are in the text."""
    command = commands.explain(TO4, NIGHT)
    text = f"{NIGHT.id} {TO4}: blocked\nTo do: look at coverage: {command}\nor {commands.check()}"
    assert first_step("gate", "gate-1", text) == command


def test_a_text_without_a_command_leads_to_the_alert() -> None:
    """Except where the store does not answer, which would have to be read for it."""
    assert first_step("degraded", "degraded-1", "no command") == "bin/orch alerts show degraded-1"
    assert first_step("state_down", "state_down-1", "") == "bin/orch doctor"
    several = first_step("degraded", "degraded-1", "", "nba")
    assert several == "bin/orch alerts show degraded-1 --pipeline nba"


# how it ended


def test_a_late_trigger_says_which_report_let_it_go() -> None:
    """Due, then the last report came and it went: when, why, and after whom; a report after the trigger is not it."""
    late = report(UPGC, Outcome.SUCCESS, 150, ended=at(hours=3))
    after = report(PGS, Outcome.SUCCESS, 300, ended=at(hours=4))
    reports = [*done(*(name for name in PHASE3 if name not in (UPGC, PGS))), after, late]
    seen = snapshot(*reports, state=dispatched(plan(missing=(PGS,)), at(hours=3)))
    assert resolution(seen, "due_warning", "", at(hours=2), at(hours=4)) == (
        f"triggered at 09:00 EST by complete without {PGS}, after {UPGC} reported success with 150 records at 09:00 EST"
    )


def test_an_operator_is_named_with_the_reason() -> None:
    """What somebody told the transition since the alert began; an older act ended nothing."""
    act = Act("trigger", "ada", "the vendor confirmed", at(hours=3))
    seen = snapshot(state=replace(dispatched(plan(reason="operator"), at(hours=3)), acts=(act,)))
    assert resolution(seen, "held", "", T0, at(hours=3)) == "an operator (trigger by ada): the vendor confirmed"
    assert resolution(seen, "held", "", at(hours=4), at(hours=5)) == ""


def test_a_gate_says_what_it_reads_now() -> None:
    """By name and number, as the plan that passed it has it."""
    seen = snapshot(state=dispatched(plan(readings={"game_coverage": "game_coverage reads 100 percent"}), at(hours=1)))
    assert resolution(seen, "gate", "game_coverage", T0, at(hours=1)) == "game_coverage reads 100 percent"


def test_a_processor_is_ended_by_its_own_report() -> None:
    """Not by that of another."""
    seen = snapshot(report(PGS, Outcome.SUCCESS, 203, ended=at(minutes=5)), report(UPGC, ended=at(minutes=9)))
    expected = f"{PGS} reported success with 203 records at 06:05 EST"
    assert resolution(seen, "under_minimum", PGS, T0, at(minutes=10)) == expected


def test_a_started_phase_is_ended_by_its_own_report() -> None:
    """What confirms a trigger is a report of the next phase."""
    started = known(report(PHASE4, Outcome.SUCCESS, 9, ended=at(minutes=50)))
    seen = snapshot(state=dispatched(when=T0), started=started)
    expected = f"{PHASE4} reported success with 9 records at 06:50 EST"
    assert resolution(seen, "unconfirmed", "", at(minutes=40), at(minutes=51)) == expected


def test_what_is_given_up_says_so() -> None:
    """The date has lost its units, or the next phase was started by somebody else."""
    assert resolution(snapshot(games=0), "due_warning", "", T0, at(hours=1)) == "given up: the date has no games"
    passed = snapshot(state=TransitionState(), next_report_at=at(minutes=30))
    assert resolution(passed, "due_warning", "", T0, at(hours=1)) == "given up: phase4 reports since 06:30 EST"


def test_when_it_ended_and_how_long_it_lasted() -> None:
    """In the pipeline's zone; how, where it is known."""
    assert resolution_text(POLICY, T0, at(minutes=42), "") == "Ended 06:42 EST, after 42 min"
    assert resolution_text(POLICY, T0, at(minutes=42), "so").endswith("after 42 min: so")
