"""The inventory over HTTP: every page is read, and whatever is no answer is said as what it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from google.oauth2.credentials import Credentials

from deploy.inventory import inventory
from deploy.manifest_check import topics_of_policy
from shared.adapters.google.inventory import MONITORING, PUBSUB, SCHEDULER, GoogleInventory, declared_in
from shared.app.validation.checks import MEASURES
from shared.app.validation.validate import check_all
from shared.core.errors import Unavailable
from shared.core.reporting.inventory import Feed, odd_schedules, odd_subscriptions
from shared.core.validation.checks import Status
from tests.adapters.cloud_apis import PROJECT, CloudApis, refusal
from tests.adapters.support import ManualClock
from tests.deploy.world import manifest
from tests.local_server import ServerAnswer, closed_port
from tests.validation.fixtures import VALIDATION, read
from tests.validation.worlds import on_duckdb

DECLARED = declared_in(inventory(manifest()))
FED = "nba-phase3-to-phase4--nba-phase3-analytics-complete"
NOW = datetime(2026, 1, 21, 12, tzinfo=UTC)
ASKS: dict[str, Callable[[GoogleInventory], Any]] = {
    SCHEDULER: GoogleInventory.schedules,
    PUBSUB: GoogleInventory.subscriptions,
    MONITORING: GoogleInventory.backlog,
}


@pytest.fixture
def apis() -> Iterator[CloudApis]:
    with CloudApis(DECLARED) as running:
        yield running


def reader(apis: CloudApis, **settings: Any) -> GoogleInventory:
    clock = ManualClock()
    clock.time = NOW
    settings = {"hosts": apis.hosts, "credentials": lambda: Credentials("a-token"), **settings}  # type: ignore[no-untyped-call]
    return GoogleInventory(PROJECT, DECLARED, clock, **settings)


def test_everything_is_read_page_by_page(apis: CloudApis) -> None:
    """As declared: nothing is odd, and each subscription has its newest number."""
    apis.waiting[FED] = [700, 12]
    cloud_inventory = reader(apis)
    assert list(odd_schedules(DECLARED, cloud_inventory.schedules())) == []
    assert list(odd_subscriptions(DECLARED, cloud_inventory.subscriptions())) == []
    waiting = cloud_inventory.backlog()
    assert waiting.keys() == DECLARED.subscriptions.keys()
    assert {name: count for name, count in waiting.items() if count} == {FED: 12}
    assert len(apis.asked) > len(ASKS) * 2


def test_the_questions_are_those_of_the_references(apis: CloudApis) -> None:
    """Paths, filter and interval; every call carries the token."""
    cloud_inventory = reader(apis)
    for ask in ASKS.values():
        ask(cloud_inventory)
    paths = {urlsplit(request.path).path for request in apis.asked}
    assert paths == {
        f"/v1/projects/{PROJECT}/locations/us-west2/jobs",
        f"/v1/projects/{PROJECT}/subscriptions",
        f"/v3/projects/{PROJECT}/timeSeries",
    }
    assert {request.headers["authorization"] for request in apis.asked} == {"Bearer a-token"}
    query = parse_qs(urlsplit(next(request.path for request in apis.asked if "timeSeries" in request.path)).query)
    assert query["filter"] == ['metric.type = "pubsub.googleapis.com/subscription/num_undelivered_messages"']
    assert query["interval.endTime"] == [NOW.isoformat()]
    assert query["interval.startTime"] == [(NOW - timedelta(minutes=10)).isoformat()]


def paused(apis: CloudApis) -> None:
    apis.jobs["nba-self-heal"]["state"] = "PAUSED"


def removed(apis: CloudApis) -> None:
    del apis.jobs["nba-daily-report"]


def moved(apis: CloudApis) -> None:
    apis.jobs["nba-daily-report"]["timeZone"] = "Etc/UTC"


def failing(apis: CloudApis) -> None:
    apis.jobs["nba-self-heal"]["status"] = {"code": 13, "message": "INTERNAL"}


def stranger(apis: CloudApis) -> None:
    apis.jobs["by-hand"] = {**apis.jobs["nba-self-heal"], "name": "projects/p/locations/l/jobs/by-hand"}


@pytest.mark.parametrize(
    ("change", "name", "what", "grave"),
    [
        (paused, "nba-self-heal", "is paused", True),
        (removed, "nba-daily-report", "is not there", True),
        (moved, "nba-daily-report", "declared is '0 8 * * *' in America/New_York", True),
        (failing, "nba-self-heal", "its last call failed: INTERNAL", False),
        (stranger, "by-hand", "is declared by nobody", False),
    ],
)
def test_a_schedule_that_is_not_as_declared_is_odd(
    apis: CloudApis, change: Callable[[CloudApis], None], name: str, what: str, grave: bool
) -> None:
    """Each by its name; what keeps work from happening is grave."""
    change(apis)
    [odd] = odd_schedules(DECLARED, reader(apis).schedules())
    assert (odd.name, odd.grave) == (name, grave)
    assert what in odd.what


def test_subscriptions_that_are_gone_cut_off_or_nobodys(apis: CloudApis) -> None:
    """A topic that was deleted and made anew leaves its subscription behind; one of an older set works twice."""
    del apis.feeds["phase6-export-sub"]
    apis.feeds[FED]["topic"] = "_deleted-topic_"
    apis.feeds["old"] = {"name": "projects/p/subscriptions/old", "topic": "projects/p/topics/nba-phase2-raw-complete"}
    apis.feeds["other"] = {"name": "projects/p/subscriptions/other", "topic": "projects/p/topics/somebody-elses"}
    odd = {
        subscription.name: subscription for subscription in odd_subscriptions(DECLARED, reader(apis).subscriptions())
    }
    unread = {"nba-phase6-export-trigger", "nba-phase3-analytics-complete"}
    assert odd.keys() == {"phase6-export-sub", FED, "old", *unread}
    assert {odd[topic].what for topic in unread} == {"is read by nobody: what is published to it is lost"}
    assert all(odd[topic].grave for topic in unread)
    assert odd[FED].what == "is on _deleted-topic_, declared is nba-phase3-analytics-complete"
    assert (odd["old"].grave, odd[FED].grave) == (False, True)


def test_a_topic_that_only_others_read_is_odd_without_them(apis: CloudApis) -> None:
    """Phase 3 starts itself from the topic of phase 2, which we read too: its own subscription must be there. Another
    name than the declared one reads the topic all the same."""
    del apis.feeds["nba-phase3-analytics-sub"]
    apis.feeds["nba-grading-sub"]["name"] = "projects/p/subscriptions/grading-anew"
    odd = {
        subscription.name: subscription for subscription in odd_subscriptions(DECLARED, reader(apis).subscriptions())
    }
    assert odd.keys() == {"nba-phase3-analytics-sub", "nba-grading-sub", "grading-anew"}
    assert odd["nba-phase3-analytics-sub"].what == "is not there: nothing of nba-phase2-raw-complete arrives"


@pytest.mark.parametrize(
    ("state", "what"),
    [({"detached": True}, "is detached"), ({"state": "RESOURCE_ERROR"}, "is in state RESOURCE_ERROR")],
)
def test_a_subscription_that_gets_nothing_reads_nothing(apis: CloudApis, state: dict[str, Any], what: str) -> None:
    """It is there, on its topic, and of no use: it is odd, and its topic is without a reader."""
    apis.feeds["nba-grading-sub"].update(state)
    odd = {
        subscription.name: subscription.what
        for subscription in odd_subscriptions(DECLARED, reader(apis).subscriptions())
    }
    assert odd == {
        "nba-grading-sub": f"{what}: nothing of nba-grading-trigger arrives",
        "nba-grading-trigger": "is read by nobody: what is published to it is lost",
    }


BAD = {
    "403": (refusal(403, "The caller does not have permission", "PERMISSION_DENIED"), "403: The caller does not"),
    "401": (refusal(401, "Request had invalid authentication credentials", "UNAUTHENTICATED"), "no credentials"),
    "404": (refusal(404, "Location us-west9 is not found", "NOT_FOUND"), "404: Location us-west9 is not found"),
    "429": (refusal(429, "Quota exceeded", "RESOURCE_EXHAUSTED"), "429: Quota exceeded"),
    "500": (ServerAnswer(500, b"<html>Error</html>"), "500: <html>Error"),
    "no JSON": (ServerAnswer(body=b"<html>"), "answers in another shape"),
    "another JSON": (ServerAnswer(body=b'[{"jobs": 1}]'), "answers in another shape"),
    "another item": (ServerAnswer(body=b'{"jobs": [{}], "subscriptions": [{}], "timeSeries": [{}]}'), "another shape"),
    "no end": (ServerAnswer(body=b'{"nextPageToken": "1"}'), "more than 20 pages"),
    "drops": (ServerAnswer(drop=True), "does not answer"),
    "hangs": (ServerAnswer(hang=30), "did not answer within 0.3 s"),
    "stalls": (ServerAnswer(body=b'{"jobs": []}', drip=30), "did not answer within 0.3 s"),
    "drips": (ServerAnswer(body=b'{"jobs": []}' + b" " * 1000, drip=0.05), "did not answer within 0.3 s"),
}


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("api", ASKS)
def test_what_is_no_answer_is_unavailable_with_its_reason(apis: CloudApis, api: str, bad: str) -> None:
    """Never an empty list, which would be taken for a project where nothing is; the other two still answer."""
    answer, why = BAD[bad]
    apis.instead[api] = answer
    cloud_inventory = reader(
        apis, timeout=timedelta(seconds=0.3) if bad in ("hangs", "stalls", "drips") else timedelta(seconds=5)
    )
    with pytest.raises(Unavailable) as raised:
        ASKS[api](cloud_inventory)
    assert raised.value.port == "inventory"
    assert raised.value.reason.startswith(api)
    assert why in raised.value.reason
    if bad == "403":
        assert "it needs roles/" in raised.value.reason
    for other, ask in ASKS.items():
        if other != api:
            assert ask(reader(apis))


def test_nobody_listening_and_no_credentials_are_said(apis: CloudApis, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused, and a key file that is not there."""
    closed = dict.fromkeys(ASKS, f"http://127.0.0.1:{closed_port()}")
    with pytest.raises(Unavailable, match="does not answer"):
        reader(apis, hosts=closed).schedules()
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/key.json")
    with pytest.raises(Unavailable, match="no credentials"):
        reader(apis, credentials=None).schedules()
    assert apis.asked == []


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"region": "us-west2", "schedules": {"a": "b"}}'])
def test_a_file_that_is_not_bin_builds_is_said(text: str) -> None:
    """It could not be read: that is no empty declaration, against which everything would be in order."""
    with pytest.raises(Unavailable, match=r"inventory.json is not what bin/build writes"):
        declared_in(text)


CHECKS = {"schedule_inventory": SCHEDULER, "subscription_inventory": PUBSUB, "subscription_backlog": MONITORING}


@pytest.mark.parametrize("name", CHECKS)
def test_a_check_of_what_cannot_be_read_is_never_green(apis: CloudApis, tmp_path: Any, name: str) -> None:
    """With the API it passes; without its role it is an error of port `inventory` that says which role."""
    fixture = read(VALIDATION.checks[name], "passes")
    ctx = replace(on_duckdb(fixture, tmp_path / "house.duckdb"), inventory=reader(apis))
    judged = lambda: check_all(ctx, (fixture.check,), fixture.target(), None)[0]  # noqa: E731 - said twice
    assert judged().status is Status.PASS
    apis.instead[CHECKS[name]] = BAD["403"][0]
    result = judged()
    assert (result.status, result.port) == (Status.ERROR, "inventory")
    assert "it needs roles/" in result.message


def test_a_subscription_without_a_number_is_not_read(apis: CloudApis, tmp_path: Any) -> None:
    """Monitoring knows nothing of one: the others are judged, and that one is named as not read."""
    fixture = read(VALIDATION.checks["subscription_backlog"], "passes")
    del apis.waiting[FED]
    ctx = replace(on_duckdb(fixture, tmp_path / "house.duckdb"), inventory=reader(apis))
    [result] = check_all(ctx, (fixture.check,), fixture.target(), None)
    assert result.status is Status.ERROR
    assert result.unread == (f"backlog of {FED}: monitoring has no number",)
    assert len(result.measures) == 10


def test_dead_letters_warn_from_the_first(apis: CloudApis, tmp_path: Any) -> None:
    """One message that failed twenty times waits for a person."""
    fixture = read(VALIDATION.checks["subscription_backlog"], "passes")
    apis.waiting[DECLARED.dead_letters] = [1]
    ctx = replace(on_duckdb(fixture, tmp_path / "house.duckdb"), inventory=reader(apis))
    [result] = check_all(ctx, (fixture.check,), fixture.target(), None)
    assert result.status is Status.WARN
    assert DECLARED.dead_letters in result.message


def test_what_is_declared_is_the_manifests() -> None:
    """Every schedule and topic, each push subscription, the others' subscriptions, the dead letters."""
    assert DECLARED.schedules.keys() == manifest().schedules.keys()
    pushes = [function for function in manifest().functions.values() if function.push]
    ours = {push.subscription(topic) for push in pushes if push.push for topic in push.push.topics}
    assert ours | DECLARED.beside | {manifest().dead_letter.subscription} == DECLARED.subscriptions.keys()
    assert DECLARED.beside == {
        "nba-grading-sub",
        "nba-phase2-raw-sub",
        "nba-phase3-analytics-sub",
        "phase6-export-sub",
        "prediction-request-prod-sub",
    }
    assert DECLARED.topics == topics_of_policy(manifest())
    assert set(CHECKS) <= MEASURES.keys()
    assert [*odd_subscriptions(DECLARED, [Feed(n, t) for n, t in DECLARED.subscriptions.items()])] == []
