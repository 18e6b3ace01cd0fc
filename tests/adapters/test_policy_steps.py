"""Steps, bodies and services as the policy file writes them: both forms, overlays, and what is refused (D12)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.core.errors import PolicyError
from shared.core.model import Lane
from shared.core.policy.transitions import HttpCall, Publication
from shared.core.wire.answers import Means, Results
from tests.policy_files import NBA, PRODUCTION, edit, nba, write

START = {"http": {"service": "prediction_coordinator", "path": "/start", "timeout": "20s"}}
AT = "transitions.phase4_to_phase5.dispatch"


def loaded(tmp_path: Path, steps: list[dict[str, Any]], **more: Any) -> Any:
    dispatch = {"role": "trigger", "steps": steps}
    return load_policy(write(tmp_path, edit(nba(), {"transitions/phase4_to_phase5/dispatch": dispatch, **more})))


def test_steps_stand_in_their_order(tmp_path: Path) -> None:
    """A call, then a topic; any 2xx is a yes unless the file says otherwise; overlays are laid in their order."""
    body = {"body": {"a": 1, "b": 1}, "body_by_mode": {"same_day": {"b": 2}}, "body_by_lane": {"backfill": {"b": 3}}}
    policy = loaded(tmp_path, [{**START, **body}, {"topic": "told", "plain": False, "messages": "per_processor"}])
    call, publication = policy.transitions["phase4_to_phase5"].dispatch.steps
    assert isinstance(call.target, HttpCall)
    assert {200, 202, 204} <= call.target.accepted
    assert call.to == "prediction_coordinator /start"
    assert call.body.of("overnight", 1, Lane.LIVE) == {"a": 1, "b": 1}
    assert call.body.of("same_day", 1, Lane.LIVE) == {"a": 1, "b": 2}
    assert call.body.of("same_day", 1, Lane.BACKFILL) == {"a": 1, "b": 3}
    assert (publication.to, publication.plain) == ("told", False)


def test_the_short_form_is_a_call_and_then_a_topic() -> None:
    """One body for both, the call first (behaviour D5)."""
    policy = load_policy(NBA)
    call, publication = policy.transitions["phase4_to_phase5"].dispatch.steps
    assert isinstance(call.target, HttpCall)
    assert isinstance(publication.target, Publication)


@pytest.mark.parametrize(
    ("overlay", "to"),
    [
        ({"steps": [{"topic": "mine"}]}, ["mine"]),
        ({"role": "observe", "topic": None, "http": None}, []),
        ({"topic": "other"}, ["prediction_coordinator /start", "other"]),
    ],
    ids=["steps", "neither", "topic"],
)
def test_in_an_overlay_either_form_replaces_the_other(overlay: dict[str, Any], to: list[str]) -> None:
    """`steps` take the short form's keys away; the short form is laid over itself key by key."""
    policy = load_policy(
        NBA, {"transitions": {"phase4_to_phase5": {"dispatch": overlay, "confirm": {"by": "publish"}}}}
    )
    assert [step.to for step in policy.transitions["phase4_to_phase5"].dispatch.steps] == to


def test_a_topic_in_an_overlay_takes_steps_away(tmp_path: Path) -> None:
    """A file with steps and an overlay with a topic: the topic is all there is."""
    dispatch = {"role": "trigger", "steps": [START]}
    path = write(tmp_path, edit(nba(), {"transitions/phase4_to_phase5/dispatch": dispatch}))
    laid = {"transitions": {"phase4_to_phase5": {"dispatch": {"topic": "mine"}, "confirm": {"by": "publish"}}}}
    assert [step.to for step in load_policy(path, laid).transitions["phase4_to_phase5"].dispatch.steps] == ["mine"]


@pytest.mark.parametrize(
    ("steps", "key", "words"),
    [
        ([{**START, "topic": "x"}], f"{AT}.steps[0]", "both http and topic"),
        ([{"body": {}}], f"{AT}.steps[0]", "neither http nor topic"),
        ([{"http": {"service": "nobody", "path": "/x"}}], f"{AT}.steps[0].http.service", "there is no service nobody"),
        ([{**START, "body": {"a": ["{game_day}"]}}], f"{AT}.steps[0].body.a.0", "template {game_day} is unknown"),
        ([{**START, "body": {"a": "{source_table}"}}], f"{AT}.steps[0].body.a", "template {source_table} is unknown"),
        ([{**START, "body_by_mode": {"noon": {}}}], f"{AT}.steps[0].body_by_mode.noon", "there is no mode noon"),
        ([{**START, "accepts": {"target_date": "date"}}], f"{AT}.steps[0].accepts", "target_date is missing"),
        ([{**START, "body": {"d": "soon"}, "accepts": {"d": "date"}}], f"{AT}.steps[0].accepts", "d is no date"),
        ([{**START, "body": {"trigger_id": "mine"}}], f"{AT}.steps[0].body", "trigger_id says which trigger it is"),
        ([{"topic": "t", "accepts": {"game_date": "day"}}], f"{AT}.steps[0].accepts.game_date", "'day'"),
    ],
)  # fmt: skip
def test_what_cannot_be_sent_is_refused_with_its_key(
    tmp_path: Path, steps: list[dict[str, Any]], key: str, words: str
) -> None:
    """Two targets or none, names that stand for nothing, a body that its reader would refuse."""
    with pytest.raises(PolicyError) as caught:
        loaded(tmp_path, steps)
    assert (caught.value.key, words in f"{caught.value.reason} {caught.value.hint}") == (key, True), caught.value


def test_a_class_name_that_no_alias_gives_is_refused(tmp_path: Path) -> None:
    """`{starts:class}` of a processor without a class name would send what its service drops in silence."""
    changes = {"phases/phase5/processors/prediction_coordinator/aliases": ["coordinator"]}
    with pytest.raises(PolicyError) as caught:
        loaded(tmp_path, [{**START, "body": {"processors": "{starts:class}"}}], **changes)
    assert caught.value.key == f"{AT}.steps[0].body"
    assert "prediction_coordinator" in caught.value.reason


def test_a_rerun_speaks_the_services_language(tmp_path: Path) -> None:
    """Its body has templates too, and an unknown one is refused where it stands."""
    key = "phases/phase3/rerun/body"
    policy = load_policy(write(tmp_path, edit(nba(), {key: {"processors": "{processors:class}"}})))
    rerun = policy.phases["phase3"].rerun
    assert rerun is not None
    assert rerun.body.base == {"processors": "{processors:class}"}
    with pytest.raises(PolicyError) as caught:
        load_policy(write(tmp_path, edit(nba(), {key: {"processors": "{processor}"}})))
    assert caught.value.key == "phases.phase3.rerun.body.processors"


STATUS = {"path": "/status", "query": {"game_date": "{game_date}"}, "at_work": {"status": ["in_progress"], "n": 1}}


def test_a_service_says_how_it_is_asked_whether_it_is_at_work(tmp_path: Path) -> None:
    """`status`: a path, a query of templates, and what the answer says, one value or a list (behaviour D11)."""
    policy = load_policy(write(tmp_path, edit(nba(), {"services/precompute/status": STATUS})))
    status = policy.services["precompute"].status
    assert status is not None
    assert (status.path, dict(status.query)) == ("/status", {"game_date": "{game_date}"})
    assert dict(status.at_work) == {"status": ("in_progress",), "n": (1,)}
    assert load_policy(NBA).services["precompute"].status is None
    produced = load_policy(PRODUCTION).services["prediction_coordinator"].status
    assert produced is not None
    assert produced.query == {"game_date": "{game_date}"}


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"query": {"game_date": "{date}"}}, "query.game_date", "template {date} is unknown"),
        ({"query": {"game_date": "{trigger_id}"}}, "query.game_date", "template {trigger_id} is unknown"),
        ({"at_work": {}}, "at_work", "any answer would fit it"),
        ({"at_work": {"status": []}}, "at_work.status", "no value fits an empty list"),
        ({"answers": {"status": "x"}}, "answers", "there is no such key"),
    ],
)
def test_a_status_call_that_cannot_be_made_or_read_is_refused(
    tmp_path: Path, changes: dict[str, Any], key: str, words: str
) -> None:
    """A query that a repair does not know either, and an answer that everything would fit."""
    with pytest.raises(PolicyError) as caught:
        load_policy(write(tmp_path, edit(nba(), {"services/precompute/status": {**STATUS, **changes}})))
    assert caught.value.key == f"services.precompute.status.{key}"
    assert words in f"{caught.value.reason} {caught.value.hint}".lower().replace("`", "")
    assert caught.value.path


LINE = {"status": 200, "means": "accepted"}


def test_a_service_says_what_its_answers_mean(tmp_path: Path) -> None:
    """`answers`, by path, in order: status and body as one value or a list, what is shown, where results are (D10)."""
    lines = [
        {"status": [200, 202], "body": {"status": ["started"], "n": 1}, "means": "accepted", "show": ["batch_id"]},
        {"status": 409, "means": "busy"},
        {**LINE, "results": {"path": "parts", "good": ["done"]}},
    ]
    changed = write(tmp_path, edit(nba(), {"services/precompute/answers": {"/x": lines}}))
    first, busy, parts = load_policy(changed).services["precompute"].answers["/x"]
    assert (first.status, first.body, first.show) == ({200, 202}, {"status": ("started",), "n": (1,)}, ("batch_id",))
    assert (busy.means, busy.status) == (Means.BUSY, {409})
    assert parts.results == Results("parts", "status", ("done",))
    assert load_policy(NBA).services["precompute"].answers == {}


@pytest.mark.parametrize(
    ("lines", "key", "words"),
    [
        ([{**LINE, "means": "fine"}], "[0].means", "accepted"),
        ([{**LINE, "status": 42}], "[0].status", "an HTTP status"),
        ([{**LINE, "status": []}], "[0].status", "no answer fits an empty list"),
        ([{**LINE, "body": {"status": []}}], "[0].body.status", "no value fits an empty list"),
        ([{**LINE, "means": "busy", "results": {}}], "[0].results", "results are read of an accepted answer"),
        ([LINE, {**LINE, "body": {"status": "x"}, "means": "busy"}], "[1]", "every answer that fits it fits [0]"),
        ([{"status": [200, 409], "means": "busy"}, {**LINE, "body": {"a": 1}}], "[1]", "put the narrower one first"),
        ([{**LINE, "shows": ["x"]}], "[0].shows", "there is no such key"),
    ],
)
def test_an_answer_that_can_never_be_given_is_refused(
    tmp_path: Path, lines: list[dict[str, Any]], key: str, words: str
) -> None:
    """Words that mean nothing, lists that nothing fits, and lines behind one that takes all of theirs."""
    with pytest.raises(PolicyError) as caught:
        load_policy(write(tmp_path, edit(nba(), {"services/precompute/answers": {"/x": lines}})))
    assert caught.value.key == f"services.precompute.answers./x{key}"
    assert words in f"{caught.value.reason} {caught.value.hint}"


def test_a_narrow_line_may_stand_before_a_wide_one(tmp_path: Path) -> None:
    """The first that fits counts, so the exception comes first."""
    lines = [{**LINE, "body": {"status": "x"}, "means": "busy"}, LINE]
    policy = load_policy(write(tmp_path, edit(nba(), {"services/precompute/answers": {"/x": lines}})))
    assert len(policy.services["precompute"].answers["/x"]) == 2


def test_a_service_says_where_it_is_ready_and_who_it_is(tmp_path: Path) -> None:
    """`ready` and `identity` may stand at paths of their own; the deployed name is another thing than the identity."""
    service = {
        "url_env": "X_URL",
        "ready": {"path": "/health/ready"},
        "identity": {"path": "/health", "field": "service", "is": "precompute-processor"},
        "cloud_run": "nba-phase4-precompute-processors",
    }
    parsed_service = load_policy(write(tmp_path, edit(nba(), {"services/precompute": service}))).services["precompute"]
    assert (parsed_service.ready_path, parsed_service.identity_path, parsed_service.identity) == (
        "/health/ready",
        "/health",
        "precompute-processor",
    )
    assert parsed_service.deployed_as == "nba-phase4-precompute-processors"
