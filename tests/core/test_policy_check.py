"""What a policy of the right shape is refused for, each shown by one small change of the reference policy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.core.errors import PolicyError
from tests.policy_files import GONE, NBA, edit, nba, refusal, write

P2 = "phases/phase2/processors"
T2, T3, T4, T5 = (f"transitions/phase{n}_to_phase{n + 1}" for n in (2, 3, 4, 5))
NIGHT2, NIGHT3, ANY4 = f"{T2}/expects/overnight", f"{T3}/expects/overnight", f"{T4}/expects/any_mode"
LINES = "p2_odds_game_lines"
SUMMER = {"from": "2026-07-01", "until": "2026-10-01", "reason": "off-season"}

# changes, key, part of the reason, part of the hint
REFUSED: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "required and optional overlap": (
        {f"{NIGHT2}/optional": [LINES]},
        "transitions.phase2_to_phase3.expects.overnight.optional",
        f"{LINES} is required already",
        "one of the two lists",
    ),
    "required names a stranger": (
        {f"{NIGHT2}/required": ["p2_odds_game_line"]},
        "transitions.phase2_to_phase3.expects.overnight.required",
        "p2_odds_game_line is no processor of phase2",
        f"did you mean {LINES}?",
    ),
    "required names an alias": (
        {f"{NIGHT2}/required": ["OddsGameLinesProcessor"]},
        "transitions.phase2_to_phase3.expects.overnight.required",
        "is no processor of phase2",
        f"its canonical name is {LINES}",
    ),
    "optional names a processor of another phase": (
        {f"{NIGHT2}/optional": ["player_game_summary"]},
        "transitions.phase2_to_phase3.expects.overnight.optional",
        "player_game_summary is no processor of phase2",
        "one of p2_",
    ),
    "nothing is expected": (
        {f"{NIGHT2}/required": [], f"{NIGHT2}/optional": []},
        "transitions.phase2_to_phase3.expects.overnight.required",
        "nothing is expected",
        "at least one",
    ),
    "an alias of two processors": (
        {f"{P2}/p2_bigdataball_pbp/aliases": ["Other", "NbacGamebookProcessor"]},
        "phases.phase2.processors.p2_bigdataball_pbp.aliases[1]",
        "NbacGamebookProcessor means both p2_bigdataball_pbp of phase2 and p2_nbacom_gamebook_pdf of phase2",
        "must mean one processor",
    ),
    "a class form of two processors": (
        {f"{P2}/p2_bigdataball_pbp/aliases": ["AsyncNbacGamebookBatchProcessor"]},
        "phases.phase2.processors.p2_bigdataball_pbp.aliases[0]",
        "means both p2_bigdataball_pbp of phase2 and p2_nbacom_gamebook_pdf of phase2",
        "must mean one processor",
    ),
    "an alias that is a class form of another's canonical name": (
        {f"{P2}/p2_bigdataball_pbp/aliases": ["P2OddsGameLinesProcessor"]},
        "phases.phase2.processors.p2_bigdataball_pbp.aliases[0]",
        f"means both p2_bigdataball_pbp of phase2 and {LINES} of phase2",
        "must mean one processor",
    ),
    "an alias known in another phase": (
        {"phases/phase6/processors/phase6_export/aliases": ["PredictionCoordinator"]},
        "phases.phase6.processors.phase6_export.aliases[0]",
        "means both phase6_export of phase6 and prediction_coordinator of phase5",
        "must mean one processor",
    ),
    "one canonical name in two phases": (
        {"phases/phase6/processors/prediction_coordinator": {}},
        "phases.phase6.processors.prediction_coordinator",
        "means both prediction_coordinator of phase6 and prediction_coordinator of phase5",
        "must mean one processor",
    ),
    "a table of two processors": (
        {f"{P2}/p2_bigdataball_pbp/table": "nba_raw.nbac_team_boxscore"},
        "phases.phase2.processors.p2_bigdataball_pbp.table",
        "nba_raw.nbac_team_boxscore means both",
        "must mean one processor",
    ),
    "a table that differs by its dataset alone": (
        {f"{P2}/p2_bigdataball_pbp/table": "elsewhere.nbac_team_boxscore"},
        "phases.phase2.processors.p2_bigdataball_pbp.table",
        "the name nbac_team_boxscore means both",
        "must mean one processor",
    ),
    "a table called like another processor": (
        {f"{P2}/p2_bigdataball_pbp/table": f"nba_raw.{LINES}"},
        "phases.phase2.processors.p2_bigdataball_pbp.table",
        f"the name {LINES} means both",
        "must mean one processor",
    ),
    "two phases report on one topic": (
        {"phases/phase4/completions_topic": "nba-phase3-analytics-complete"},
        "phases.phase4.completions_topic",
        "phase3 reports on it already",
        "its own topic",
    ),
    "a later tier asks for more": (
        {f"{NIGHT3}/tiers/1/at_least": 5},
        "transitions.phase3_to_phase4.expects.overnight.tiers[1].at_least",
        "rises from 4 to 5",
        "4 at the most",
    ),
    "a later tier comes at the same time": (
        {f"{NIGHT3}/tiers/1/after": "15m"},
        "transitions.phase3_to_phase4.expects.overnight.tiers[1].after",
        "15m is not later than the tier above (15m)",
        "order of their times",
    ),
    "a tier of more than are expected": (
        {f"{NIGHT3}/tiers/0/at_least": 6},
        "transitions.phase3_to_phase4.expects.overnight.tiers[0].at_least",
        "6 of 5 expected can never be",
        "5 at the most",
    ),
    "a tier of fewer than are required": (
        {f"{NIGHT3}/tiers/1/at_least": 1},
        "transitions.phase3_to_phase4.expects.overnight.tiers[1].at_least",
        "1 is below the 2 required",
        "2 at the least",
    ),
    "a tier at the deadline, said where any_mode has it": (
        {f"{ANY4}/tiers/2/after": "4h"},
        "transitions.phase4_to_phase5.expects.any_mode.tiers[2].after",
        "4h is not before the deadline (4h)",
        "never counts",
    ),
    "an unknown gate": (
        {f"{T2}/gates": ["phase2_row"]},
        "transitions.phase2_to_phase3.gates",
        "there is no gate phase2_row",
        "did you mean phase2_rows?",
    ),
    "an unknown service to call": (
        {f"{T4}/dispatch/http/service": "coordinator"},
        "transitions.phase4_to_phase5.dispatch.http.service",
        "there is no service coordinator",
        "did you mean prediction_coordinator?",
    ),
    "an unknown service of a preflight": (
        {f"{T3}/preflight": "precomputer"},
        "transitions.phase3_to_phase4.preflight",
        "there is no service precomputer",
        "did you mean precompute?",
    ),
    "an unknown service of a rerun": (
        {"phases/phase3/rerun/service": "analytic"},
        "phases.phase3.rerun.service",
        "there is no service analytic",
        "did you mean analytics?",
    ),
    "a rerun that opens on an unknown phase": (
        {"phases/phase4/rerun/opens_on": [{"phase": "phase33", "processors": ["player_game_summary"]}]},
        "phases.phase4.rerun.opens_on[0].phase",
        "there is no phase phase33",
        "did you mean phase3?",
    ),
    "a rerun that opens on an unknown processor": (
        {"phases/phase4/rerun/opens_on": [{"phase": "phase3", "processors": ["player_game_summery"]}]},
        "phases.phase4.rerun.opens_on[0].processors[0]",
        "phase3 has no processor player_game_summery",
        "did you mean player_game_summary?",
    ),
    "a rerun that opens on what its mode does not expect": (
        {
            "phases/phase4/rerun/opens_on": [
                {"phase": "phase3", "processors": ["player_game_summary"], "mode": "same_day"}
            ]
        },
        "phases.phase4.rerun.opens_on[0].processors[0]",
        "nothing expects player_game_summary in same_day",
        "one of upcoming",
    ),
    "a rerun that opens on its own phase": (
        {"phases/phase4/rerun/opens_on": [{"phase": "phase4", "processors": ["ml_feature_store"]}]},
        "phases.phase4.rerun.opens_on[0].phase",
        "phase4 does not come after phase4",
        "one of phase2, phase3",
    ),
    "a rerun that opens on a later phase": (
        {"phases/phase4/rerun/opens_on": [{"phase": "phase5", "processors": ["prediction_coordinator"]}]},
        "phases.phase4.rerun.opens_on[0].phase",
        "phase4 does not come after phase5",
        "one of phase2, phase3",
    ),
    "a rerun that opens in an unknown mode": (
        {
            "phases/phase4/rerun/opens_on": [
                {"phase": "phase3", "processors": ["player_game_summary"], "mode": "over_night"}
            ]
        },
        "phases.phase4.rerun.opens_on[0].mode",
        "there is no mode over_night",
        "did you mean overnight?",
    ),
    "a rerun of a phase that nothing waits for": (
        {
            "phases/phase6/rerun": {
                "service": "precompute",
                "path": "/export",
                "opens_on": [{"phase": "phase5", "processors": ["prediction_coordinator"]}],
            }
        },
        "phases.phase6.rerun.opens_on",
        "no transition waits for phase6",
        "leave it out",
    ),
    "a grace without data": (
        {"phases/phase4/rerun/grace": "20m"},
        "phases.phase4.rerun.grace",
        "nothing opens on data",
        "add opens_on",
    ),
    "no grace at all": (
        {
            "phases/phase4/rerun/opens_on": [{"phase": "phase3", "processors": ["player_game_summary"]}],
            "phases/phase4/rerun/grace": "0m",
        },
        "phases.phase4.rerun.grace",
        "must be longer than nothing",
        "such as 20m",
    ),
    "an unknown phase to wait for": (
        {f"{T5}/after": "phase55"},
        "transitions.phase5_to_phase6.after",
        "there is no phase phase55",
        "did you mean phase5?",
    ),
    "an unknown phase to start": (
        {f"{T5}/starts": "export"},
        "transitions.phase5_to_phase6.starts",
        "there is no phase export",
        "one of phase2, phase3",
    ),
    "an unknown mode of a transition": (
        {f"{T5}/expects/sameday": {}},
        "transitions.phase5_to_phase6.expects.sameday",
        "there is no mode sameday",
        "did you mean same_day?",
    ),
    "any_mode misspelt": (
        {f"{T5}/expects": {"anymode": {"required": ["prediction_coordinator"]}}},
        "transitions.phase5_to_phase6.expects.anymode",
        "there is no mode anymode",
        "did you mean any_mode?",
    ),
    "a transition without modes": (
        {f"{T5}/expects": {}},
        "transitions.phase5_to_phase6.expects",
        "exists in no mode",
        "any_mode",
    ),
    "an unknown mode of a gate": (
        {"gates/game_coverage/modes": ["over_night"]},
        "gates.game_coverage.modes",
        "there is no mode over_night",
        "did you mean overnight?",
    ),
    "a percent gate without thresholds": (
        {"gates/game_coverage/block_below": GONE},
        "gates.game_coverage.block_below",
        "neither block_below nor warn_below",
        "block_below: 80",
    ),
    "a completion gate without thresholds": (
        {"gates/prediction_completeness/block_below": GONE},
        "gates.prediction_completeness.block_below",
        "neither block_below nor warn_below",
        "block_below: 80",
    ),
    "a percent gate without a query": (
        {"gates/game_coverage/sql": GONE},
        "gates.game_coverage.sql",
        "needs a query",
        "sql: gates/game_coverage.sql",
    ),
    "a query that is no file": (
        {"gates/game_coverage/sql": "gates/absent.sql"},
        "gates.game_coverage.sql",
        "there is no file gates/absent.sql",
        "write the query to config/gates/absent.sql",
    ),
    "a gate that blocks before it warns": (
        {"gates/minutes_coverage/warn_below": 80},
        "gates.minutes_coverage.warn_below",
        "80 is not above block_below (80)",
        "warn above the number that blocks",
    ),
    "a rows gate with a percentage": (
        {"gates/phase3_rows/block_below": 50},
        "gates.phase3_rows.block_below",
        "no key of kind rows",
        "kind percent or completion_percent",
    ),
    "a rows gate with a query": (
        {"gates/phase3_rows/sql": "gates/game_coverage.sql"},
        "gates.phase3_rows.sql",
        "no key of kind rows",
        "kind percent",
    ),
    "a percent gate with a number of tables": (
        {"gates/game_coverage/at_least": 2},
        "gates.game_coverage.at_least",
        "no key of kind percent",
        "kind rows",
    ),
    "a percent gate with on_missing": (
        {"gates/game_coverage/on_missing": "warn"},
        "gates.game_coverage.on_missing",
        "no key of kind percent",
        "kind rows",
    ),
    "a completion gate with rows": (
        {"gates/prediction_completeness/min_rows": 5},
        "gates.prediction_completeness.min_rows",
        "no key of kind completion_percent",
        "kind rows",
    ),
    "a rows gate of more tables than are expected": (
        {"gates/phase4_rows/at_least": 6},
        "gates.phase4_rows.at_least",
        "6 tables, but phase4_to_phase5 in mode overnight expects 5",
        "5 at the most",
    ),
    "a rows gate of a mode that expects fewer tables": (
        {"gates/phase3_rows/at_least": 3},
        "gates.phase3_rows.at_least",
        "3 tables, but phase3_to_phase4 in mode same_day expects 2",
        "narrow the gate's modes",
    ),
    "a rows gate that reads nothing": (
        {"phases/phase5/processors/prediction_coordinator/table": GONE},
        "transitions.phase5_to_phase6.gates",
        "predictions_rows would read nothing",
        "give them tables",
    ),
    "a transition that goes back": (
        {f"{T5}/starts": "phase2"},
        "transitions.phase5_to_phase6.starts",
        "phase2 comes before phase5: the phases would run in a circle",
        "nothing before it waits for",
    ),
    "a transition that starts its own phase": (
        {f"{T5}/starts": "phase5"},
        "transitions.phase5_to_phase6.starts",
        "phase5 would start itself",
        "phases run in no circle",
    ),
    "two transitions that start one phase": (
        {"transitions/again": {**nba()["transitions"]["phase5_to_phase6"], "after": ["phase5", "phase4"]}},
        "transitions.again.starts",
        "phase5_to_phase6 starts phase6 already",
        "wait for several with after: [...]",
    ),
    "a phase that no transition knows": (
        {"phases/archive": {"title": "Archive"}},
        "phases.archive",
        "no transition leads to it or from it",
        "add a transition",
    ),
    "a phase to wait for that never reports": (
        {"phases/archive": {"title": "Archive"}, f"{T5}/after": ["phase5", "archive"]},
        "transitions.phase5_to_phase6.after",
        "archive has no processors: nothing of it can be waited for",
        "completions_topic",
    ),
    "a phase waited for twice": (
        {f"{T5}/after": ["phase5", "phase5"]},
        "transitions.phase5_to_phase6.after[1]",
        "phase5 is listed twice",
        "should it be another one?",
    ),
    "an unknown one of several phases": (
        {f"{T5}/after": ["phase5", "phase44"]},
        "transitions.phase5_to_phase6.after",
        "there is no phase phase44",
        "did you mean phase4?",
    ),
    "a processor of none of several phases": (
        {f"{T5}/after": ["phase5", "phase4"], f"{T5}/expects/any_mode/required": ["player_game_summary"]},
        "transitions.phase5_to_phase6.expects.any_mode.required",
        "player_game_summary is no processor of phase5 or phase4",
        "",
    ),
    "processors that nobody could hear": (
        {"phases/phase6/completions_topic": GONE},
        "phases.phase6.completions_topic",
        "its processors could not be heard",
        "phase6-complete",
    ),
    "a topic on which nobody reports": (
        {"phases/phase6/processors": GONE},
        "phases.phase6.processors",
        "nobody is known who reports",
        "it never reports",
    ),
    "a confirmation by a phase that never reports": (
        {"phases/phase6": {"title": "Export"}},
        "transitions.phase5_to_phase6.confirm.by",
        "phase6 has no processors: it never reports",
        "by: publish",
    ),
    "a critical time before its warning, on the day after": (
        {f"{NIGHT3}/due": {"warning": "+1d 01:00", "critical": "23:00"}},
        "transitions.phase3_to_phase4.expects.overnight.due.warning",
        "+1d 01:00 is not before critical (23:00)",
        "+1d a day later",
    ),
    "an accepted status that is tried again": (
        {f"{T4}/dispatch/http/accepted": [200, 503]},
        "transitions.phase4_to_phase5.dispatch.http.accepted",
        "503 is no acceptance",
        "the service is at work",
    ),
    "too many calls taken for an acceptance": (
        {f"{T4}/dispatch/http/accepted": [429]},
        "transitions.phase4_to_phase5.dispatch.http.accepted",
        "429 is no acceptance",
        "the service is at work",
    ),
    "a topic of Google's own": (
        {f"{T4}/dispatch/topic": "google-topic"},
        "transitions.phase4_to_phase5.dispatch.topic",
        "expected the name of a topic",
        "nba-phase4-trigger",
    ),
    "a topic that is longer than any": (
        {f"{T4}/dispatch/topic": "t" * 256},
        "transitions.phase4_to_phase5.dispatch.topic",
        "expected the name of a topic",
        "nba-phase4-trigger",
    ),
    "http confirms without a call": (
        {f"{T4}/dispatch/http": GONE},
        "transitions.phase4_to_phase5.confirm.by",
        "no http to confirm it",
        "add dispatch.http",
    ),
    "publish confirms without a topic": (
        {f"{T4}/dispatch/topic": GONE, f"{T4}/confirm/by": "publish"},
        "transitions.phase4_to_phase5.confirm.by",
        "no topic to confirm it",
        "add dispatch.topic",
    ),
    "a trigger without a target": (
        {f"{T2}/dispatch": {"role": "trigger"}},
        "transitions.phase2_to_phase3.dispatch",
        "neither topic nor http",
        "role: observe",
    ),
    "a refresh that never refreshes": (
        {f"{T3}/refresh/at_most": 0},
        "transitions.phase3_to_phase4.refresh.at_most",
        "0 refreshes are none",
        "leave refresh out",
    ),
    "a warning at the time of the critical alert": (
        {f"{NIGHT3}/due/critical": "08:30"},
        "transitions.phase3_to_phase4.expects.overnight.due.warning",
        "08:30 is not before critical (08:30)",
        "warn first",
    ),
    "two modes of one offset": (
        {"modes/tomorrow/partition_offset_days": 0},
        "modes.tomorrow.partition_offset_days",
        "same_day has the same offset",
        "its own",
    ),
    "a channel of an unknown severity": (
        {"alerts/channels/error": "slack-webhook-error"},
        "alerts.channels.error",
        "no such severity",
        "one of critical, info, warning",
    ),
    "pagerduty for an unknown severity": (
        {"alerts/pagerduty/severities": ["criticl"]},
        "alerts.pagerduty.severities",
        "there is no severity criticl",
        "did you mean critical?",
    ),
    "alerts repeated without end": (
        {"alerts/repeat_after": "0s"},
        "alerts.repeat_after",
        "longer than nothing",
        "24h",
    ),
    "a call that outlives the claim": (
        {f"{T4}/dispatch/http/timeout": "121s"},
        "transitions.phase4_to_phase5.dispatch.http.timeout",
        "121s is not shorter than claim_lease (2m)",
        "raise claim_lease",
    ),
    "a claim as long as its call": (
        {"claim_lease": "20s"},
        "transitions.phase4_to_phase5.dispatch.http.timeout",
        "20s is not shorter than claim_lease (20s)",
        "raise claim_lease",
    ),
    "a claim shorter than a publish": (
        {"claim_lease": "10s", f"{T4}/dispatch/http": GONE, f"{T4}/confirm/by": "publish"},
        "claim_lease",
        "10s is not longer than a publish (10s)",
        "2m",
    ),
    "a claim as short as a preflight": (
        {"claim_lease": "5s"},
        "claim_lease",
        "5s is not longer than the 5s of the preflight of phase3_to_phase4",
        "2m",
    ),
    "a claim of no length": ({"claim_lease": "0s"}, "claim_lease", "must be longer than nothing", "2m"),
    "a call that may take no time": (
        {f"{T4}/dispatch/http/timeout": "0s"},
        "transitions.phase4_to_phase5.dispatch.http.timeout",
        "must be longer than nothing",
        "30s",
    ),
    "a confirmation that is not waited for": (
        {f"{T2}/confirm/within": "0m"},
        "transitions.phase2_to_phase3.confirm.within",
        "must be longer than nothing",
        "15m",
    ),
    "a negative duration": (
        {f"{T4}/dispatch/http/timeout": "-5s"},
        "transitions.phase4_to_phase5.dispatch.http.timeout",
        "expected a duration",
        "90s",
    ),
    "triggers that come back as completions": (
        {f"{T3}/dispatch/topic": "nba-phase3-analytics-complete"},
        "transitions.phase3_to_phase4.dispatch.topic",
        "nba-phase3-analytics-complete is the completions topic of phase3",
        "a topic of their own",
    ),
    "triggers that are completions of the next phase": (
        {f"{T3}/dispatch/topic": "nba-phase4-precompute-complete"},
        "transitions.phase3_to_phase4.dispatch.topic",
        "is the completions topic of phase4",
        "a topic of their own",
    ),
    "nobody reads what is critical": (
        {"alerts/channels/critical": GONE},
        "alerts.channels",
        "there is no channel for critical",
        "add critical: NAME_OF_A_SECRET",
    ),
    "nobody reads what is noted": (
        {"alerts/channels/info": GONE},
        "alerts.channels",
        "there is no channel for info",
        "add info: NAME_OF_A_SECRET",
    ),
    "a claim that stalls a run": (
        {"claim_lease": "901s"},
        "claim_lease",
        "901s is longer than 15m",
        "2m",
    ),
    "a report awaited no longer than the claim": (
        {f"{T3}/confirm/within": "2m"},
        "transitions.phase3_to_phase4.confirm.within",
        "2m is not longer than claim_lease (2m)",
        "longer for a report",
    ),
    "repairs without attempts": (
        {"repairs/max_attempts": 0},
        "repairs.max_attempts",
        "0 attempts repair nothing",
        "1 is the least",
    ),
    "repairs without a cooldown": (
        {"repairs/cooldown": "0m"},
        "repairs.cooldown",
        "longer than nothing",
        "30m",
    ),
    "a pause that ends before it begins": (
        {"pauses": [{**SUMMER, "until": "2026-07-01"}]},
        "pauses[0].until",
        "2026-07-01 is not after from (2026-07-01)",
        "a later one",
    ),
    "a pause of no mode": (
        {"pauses": [{**SUMMER, "mode": "tomorow"}]},
        "pauses[0].mode",
        "there is no mode tomorow",
        "did you mean tomorrow?",
    ),
    "a pause of no transition": (
        {"pauses": [SUMMER, {**SUMMER, "transition": "phase3"}]},
        "pauses[1].transition",
        "there is no transition phase3",
        "phase3_to_phase4",
    ),
    "a pause of a mode that does not pass there": (
        {f"{T2}/expects/tomorrow": GONE, "pauses": [{**SUMMER, "mode": "tomorrow", "transition": "phase2_to_phase3"}]},
        "pauses[0].mode",
        "tomorrow does not pass through phase2_to_phase3",
        "one of overnight, same_day",
    ),
    "the same pause twice": (
        {"pauses": [SUMMER, {**SUMMER, "reason": "holidays"}]},
        "pauses[1]",
        "stands there twice",
        "leave one",
    ),
    "a pause without a reason": ({"pauses": [{**SUMMER, "reason": ""}]}, "pauses[0].reason", "", ""),
    "a pause without an end": ({"pauses": [{"from": "2026-07-01", "reason": "x"}]}, "pauses[0].until", "", ""),
    "every processor expected is disabled": (
        {
            f"{P2}/{LINES}/disabled": {"since": "2026-01-28", "reason": "outage"},
            f"{P2}/p2_odds_player_props/disabled": {"since": "2026-01-28", "reason": "outage"},
        },
        "transitions.phase2_to_phase3.expects.same_day.required",
        "every processor expected is disabled",
        "expect one that runs",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_with_key_reason_and_hint(case: str, tmp_path: Path) -> None:
    """Each mistake is refused, and the error says where it is, why, and what to do."""
    changes, key, reason, hint = REFUSED[case]
    error = refusal(tmp_path, changes)
    assert (error.key, reason in error.reason, hint in error.hint) == (key, True, True), str(error)


def test_a_refusal_names_the_line(tmp_path: Path) -> None:
    """Of the key, or of what stands above one that is missing; of the first problem and of the others."""
    text = NBA.read_text(encoding="utf-8")
    for old, new in (("critical: slack-webhook-error", "# nobody"), ("claim_lease: 2m", "claim_lease: 1h")):
        assert text.count(old) == 1
        text = text.replace(old, new)
    path = tmp_path / "nba.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError) as caught:
        load_policy(path)
    lines = [line.strip() for line in text.splitlines()]
    lease = next(number for number, line in enumerate(lines, 1) if line.startswith("claim_lease:"))
    channels = next(number for number, line in enumerate(lines, 1) if line.startswith("channels:"))
    assert caught.value.reason.endswith(f"(line {lease})")
    assert f"nobody would read its alerts (line {channels})" in caught.value.hint


ACCEPTED: dict[str, dict[str, Any]] = {
    "one disabled processor among the required": {
        f"{P2}/{LINES}/disabled": {"since": "2026-01-28", "reason": "outage"}
    },
    "a claim one second longer than its call": {"claim_lease": "21s"},
    "one repair": {"repairs/max_attempts": 1},
    "a rows gate of all the tables there are": {"gates/phase4_rows/at_least": 5},
    "a call that confirms, without a topic": {f"{T4}/dispatch/topic": GONE},
    "the longest claim": {"claim_lease": "15m"},
    "many attempts that the claim has no time for": {
        "claim_lease": "2m",
        f"{T4}/dispatch/http/timeout": "100s",
        f"{T4}/dispatch/http/attempts": 10,
    },
    "a tier one second before the deadline": {f"{ANY4}/tiers/2/after": "14399s"},
    "a later tier of the same number": {f"{NIGHT3}/tiers/1/at_least": 4},
    "a warning one minute before the critical alert": {f"{NIGHT3}/due/critical": "08:31"},
    "an observer without a target": {f"{T2}/dispatch": {"role": "observe"}},
    "a rows gate that looks at other modes only": {
        "gates/phase3_rows/at_least": 3,
        "gates/phase3_rows/modes": ["overnight"],
    },
    "the same table name in another dataset and phase": {
        f"{P2}/p2_bigdataball_pbp/table": "nba_raw.player_game_summary"
    },
    "no calendar, no services needed": {"calendar": GONE},
    "a pipeline without a last phase": {"phases/phase6": GONE, T5: GONE},
    "a pause of a day": {"pauses": [{**SUMMER, "until": "2026-07-02"}]},
    "two pauses of two scopes": {
        "pauses": [{**SUMMER, "mode": "tomorrow"}, {**SUMMER, "transition": "phase3_to_phase4"}]
    },
    "no pauses": {"pauses": []},
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_accepts_what_is_just_right(case: str, tmp_path: Path) -> None:
    """What lies on the right side of a boundary, or only looks odd, is not refused."""
    load_policy(write(tmp_path, edit(nba(), ACCEPTED[case])))


def test_the_first_problem_is_raised_and_the_others_are_listed(tmp_path: Path) -> None:
    """One load shows every problem: the first as the error, the others by number, key, reason and hint."""
    error = refusal(tmp_path, {"claim_lease": "1h", "repairs/max_attempts": 0, f"{T3}/refresh/at_most": 0})
    assert error.key == "claim_lease"
    assert "problems:" in str(error)
    for listed in (
        "transitions.phase3_to_phase4.refresh.at_most: 0",
        "repairs.max_attempts: 0",
        "(hint: 1 is the least",
    ):
        assert listed in str(error)


def test_a_problem_of_any_mode_is_said_once(tmp_path: Path) -> None:
    """What any_mode gets wrong is one problem of any_mode, not one of each mode."""
    error = refusal(tmp_path, {f"{ANY4}/tiers/0/at_least": 6})
    assert error.key == "transitions.phase4_to_phase5.expects.any_mode.tiers[0].at_least"
    assert "more problem" not in str(error)


def test_tiers_that_all_miss_the_deadline_are_said_of_the_deadline_too(tmp_path: Path) -> None:
    """Where no tier comes before the deadline, the deadline is named beside the tiers."""
    error = refusal(tmp_path, {f"{NIGHT3}/deadline/after": "15m"})
    assert error.key == "transitions.phase3_to_phase4.expects.overnight.tiers[0].after"
    assert "transitions.phase3_to_phase4.expects.overnight.deadline.after: no tier can be reached before it" in str(
        error
    )
