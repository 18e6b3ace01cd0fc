"""What a sweep writes while others write the same document: it is written all the same, or looked at again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.app.alerting import outbox, raise_alerts
from shared.app.state.compare_and_set import change_document
from shared.app.state.repository import read_run, run_data, run_path
from shared.core.alerting.alert import Alert
from shared.core.alerting.condition import Condition
from shared.core.alerting.kinds import AlertKind
from shared.core.errors import Unreached
from shared.core.model import RepairLog
from shared.core.severity import Severity
from shared.documents import from_data, to_data
from shared.ports import Document, Response
from tests.app.handlers_kit import HandlersKit
from tests.app.overtaken import overtaken
from tests.core.build import NIGHT, TDGS, TO4, UPGC

STANDING = Condition(AlertKind.HELD, Severity.CRITICAL, NIGHT.id, TO4, "", "held: nobody came")


def _write_run(kit: HandlersKit, repairs: RepairLog | None = None) -> None:
    """Let somebody else write the run: a note of a person, or a call of the same phase."""

    def written(document: Document | None) -> tuple[dict[str, object], None]:
        stored = read_run(document)
        assert stored is not None
        run = replace(stored.value, policy_version="another")
        if repairs is not None:
            run = replace(run, repairs={**run.repairs, "phase3": repairs})
        return dict(run_data(run, kit.policy)), None

    change_document(kit.store.inner, run_path(NIGHT), written)


class Interrupted:
    """A service during whose call somebody writes the run."""

    def __init__(self, kit: HandlersKit, repairs: RepairLog | None = None) -> None:
        self._kit, self._repairs, self._inner = kit, repairs, kit.services
        self.endpoints = kit.services.endpoints

    def request(self, method: str, url: str, body: object, timeout: timedelta) -> Response:
        if method == "POST":
            _write_run(self._kit, self._repairs)
        return self._inner.request(method, url, body, timeout)  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", [Response(200, "{}"), Unreached("analytics", "refused")], ids=["taken", "unreached"])
def test_what_came_of_a_repair_is_written_even_if_the_run_was_written_meanwhile(answer: Response | Unreached) -> None:
    """Accepted it is one attempt, unreached none with a time for the next; the other's write stands too."""
    kit = HandlersKit().ordinary()
    kit.finish(UPGC, TDGS, "team_offense_game_summary", records=200)
    kit.sweep()
    kit.services.answers["analytics"] = answer
    kit.clock.instant = kit.policy.local(kit.clock.instant).replace(hour=8, minute=30)
    kit.sweep(ctx=kit.with_ports(http=Interrupted(kit)))
    log = kit.run().repairs["phase3"]
    accepted = isinstance(answer, Response)
    assert (log.pending, log.attempts, log.failure is None) == (False, int(accepted), accepted)
    assert kit.run().policy_version == "another"


def test_the_repair_of_somebody_else_is_not_written_over() -> None:
    """Whoever called the same phase meanwhile keeps what it wrote."""
    kit = HandlersKit().ordinary()
    kit.finish(UPGC, TDGS, "team_offense_game_summary", records=200)
    kit.sweep()
    kit.clock.instant = kit.policy.local(kit.clock.instant).replace(hour=8, minute=30)
    other = RepairLog(attempts=2, pending=True)
    kit.sweep(ctx=kit.with_ports(http=Interrupted(kit, other)))
    assert kit.run().repairs["phase3"] == other


def _alert(kit: HandlersKit) -> Alert:
    [document] = kit.store.inner.get(outbox.path_of(STANDING.fingerprint))
    assert document is not None
    return from_data(Alert, document.data)


def _count_once_more(kit: HandlersKit) -> None:
    [document] = kit.store.inner.get(outbox.path_of(STANDING.fingerprint))
    assert document is not None
    alert = from_data(Alert, document.data)
    assert kit.store.inner.update(document.path, to_data(replace(alert, count=alert.count + 1)), document.version)


@pytest.mark.parametrize("seen", [frozenset({NIGHT.id}), frozenset[str]()], ids=["of an open run", "of a closed run"])
def test_an_alert_that_was_written_meanwhile_is_looked_at_in_the_next_minute(seen: frozenset[str]) -> None:
    """Its end is not noted over the repetition; the sweep says that it must look again at once."""
    kit = HandlersKit().ordinary()
    kit.act(
        lambda: raise_alerts.update_alerts(kit.ctx, {STANDING.fingerprint: STANDING}, {NIGHT.id}, (), kit.clock.now())
    )
    kit.wait()
    now = kit.clock.now()
    path = outbox.path_of(STANDING.fingerprint)
    loser = overtaken(kit, kit.instance(), "update", path, lambda: _count_once_more(kit))
    moments = kit.act(lambda: raise_alerts.update_alerts(loser, {}, seen, (), now))
    assert loser.ports.store.happened  # type: ignore[attr-defined]
    assert (_alert(kit).count, _alert(kit).ended_at, _alert(kit).firing) == (2, None, True)
    assert now in [at for listed in moments.values() for at in listed]
