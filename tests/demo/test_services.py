"""`bin/demo`: a night and a day with stand-ins of every service, and whether its figures can be wrong."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from shared.adapters.clock import SystemClock
from shared.adapters.http import RequestsHttp
from shared.adapters.local.accelerated_clock import FileClock
from shared.adapters.local.memory import MemoryStore
from shared.app.state.repository import transition_path
from shared.core.alerting.alert import Alert
from shared.core.alerting.kinds import Lifecycle
from shared.core.model import RunKey, State, TransitionState
from shared.core.policy.transitions import Role
from shared.documents import to_data
from shared.simulation.demo.day import DAY, policy_of_day, scheduled_calls
from shared.simulation.demo.figures import RUNS, Figure, figures
from shared.simulation.demo.relay import Pushed, Relay, open_relay
from shared.simulation.emulators import EmulatorMissing, require_tools
from tests.demo.clones import ROOT, cloned, command, environment
from tests.emulators.gcloud import skip_or_fail
from tests.process_table import descendants, left
from tests.services.work import STATE, Work
from tests.tooling.tiny_repository import run

POLICY = policy_of_day()
TYPES = POLICY.transitions["phase5_to_phase6"].dispatch.steps[0].body.base["export_types"]
DAYS = ("2026-03-10", "2026-03-11")
NOW = datetime(2026, 3, 11, 10, 0, tzinfo=UTC)


FIGURES = (
    "messages in quarantine: 0",
    "alerts of warning or above: none",
    "nba/2026-03-10/overnight phase3_to_grading: confirmed, one trigger, on time",
    "nba/2026-03-11/same_day phase5_to_phase6: confirmed, one trigger, on time",
    "dates exported: 2026-03-10, 2026-03-11",
    "exports of 2026-03-10: all of 15 types",
    "2026-03-10 post_game_window_3: 1 run, completed",
    "2026-03-11 referee_discovery: 3 runs, completed",
    "windows that passed without a run: none",
    "scrapers called although they had answered: none",
)


@pytest.mark.slow
def test_a_day_is_shown_as_the_services_speak(tmp_path: Path) -> None:
    """From a clone without tools of the cloud: reports in the services' words come in, calls go out as the templates
    make them, every kind of line is in the legend, and the three commands work as they are printed."""
    clone = cloned(tmp_path / "a clone", "tests/services")
    played = run(clone / "bin/demo", "--speed", "40", cwd=clone, seconds=400)
    assert played.returncode == 0, played.stdout + played.stderr
    assert_day_as_it_must_be(played.stdout, clone)
    lines = played.stdout.splitlines()
    legend = {line.split()[0] for line in lines[1:9]}
    assert {line.split()[1] for line in lines if re.match(r"  \d\d:\d\d  ", line)} == legend
    for shown in (
        "03:30  workflow  2026-03-10 post_game_window_3 (03:30 to 04:30): runs: 6 of 6 units without rows in nba_raw.",
        "03:30  scrape    2026-03-10 nbac_gamebook_pdf: 6 calls, 60 rows\n",
        "03:30  scrape    2026-03-10 nbac_play_by_play: 1 call, 10 rows, 2 attempts\n",
        "03:30  workflow  2026-03-10 post_game_window_3: completed: 9 calls, 90 rows, 0 failed\n",
        "03:30  report    2026-03-10 phase_1_scrapers nbac_gamebook_pdf: success, 10 records; 6 such messages",
        "03:30  report    2026-03-10 phase_2_raw NbacGamebookProcessor: success, 34 records; 6 such messages",
        "scrape    2026-03-11 nbac_referee_assignments: 1 call, 0 rows, 1 no_data\n",
        "workflow  2026-03-11 referee_discovery: does not run: found: nba_raw.nbac_referee_assignments holds rows",
        "workflow  2026-03-11 betting_lines: completed: 11 calls, 110 rows, 0 failed\n",
        "message   nba-grading-trigger {target_date: 2026-03-10, run_aggregation: true, and ",
        "call      coordinator /start {force: false, game_date: 2026-03-11, prediction_run_mode: FIRST, and ",
        "message   nba-phase6-export-trigger {target_date: 2026-03-11, update_latest: true, export_types: [",
    ):
        assert shown in played.stdout
    assert played.stdout.count("call      precompute /process-date {analysis_date: 2026-03-1") == 2

    workflow, explain, serve = [line.strip() for line in lines if " --home " in line]
    asked = [run("sh", "-c", line, cwd=clone.parent, seconds=60) for line in (workflow, explain)]
    assert [process.returncode for process in asked] == [0, 0], [process.stderr for process in asked]
    assert asked[0].stdout.startswith("betting_lines 2026-03-11: skip: ran at 12:3")
    assert asked[1].stdout.startswith("nba/2026-03-11/same_day phase5_to_phase6: confirmed"), asked[1].stderr
    page = served_page(serve.replace("health_check", "health_check --port 0"), clone.parent)
    assert "same_day" in page
    assert "phase3_to_grading" in page
    assert "post_game_window_3" in page


@pytest.mark.nightly
@pytest.mark.xdist_group("demo-emulators")
def test_the_same_day_on_the_emulators(tmp_path: Path) -> None:
    """Firestore and Pub/Sub of Google in place of the embedded parts: the same figures, the same files."""
    tools()
    clone = cloned(tmp_path / "a clone", "tests/services")
    played = run(clone / "bin/demo", "--services", "--speed", "40", cwd=clone, seconds=400)
    assert played.returncode == 0, played.stdout + played.stderr
    assert_day_as_it_must_be(played.stdout, clone)


def assert_day_as_it_must_be(printed: str, clone: Path) -> None:
    assert "FAILED" not in printed
    assert "logged by" not in printed
    for figure in FIGURES:
        assert f"ok      {figure}\n" in printed
    exported = json.loads((clone / ".demo/exports/2026-03-11/tonight.json").read_text())
    assert exported["date"] == "2026-03-11"


def served_page(line: str, clone: Path) -> str:
    """Return the page that a printed command serves."""
    with subprocess.Popen(["sh", "-c", line], cwd=clone, stderr=subprocess.PIPE, text=True) as serving:
        assert serving.stderr is not None
        try:
            url = next(match[0] for line in serving.stderr if (match := re.search(r"http://\S+", line)))
            return requests.get(url, timeout=30).text
        finally:
            for process in descendants(serving.pid):
                os.kill(process.pid, signal.SIGTERM)
            serving.terminate()


@pytest.mark.slow
def test_killed_in_the_middle_it_leaves_nothing_running(tmp_path: Path) -> None:
    """SIGKILL, after which nobody can clean up any more: functions and stand-ins go all the same."""
    with subprocess.Popen(
        command(tmp_path, ()),
        cwd=ROOT,
        env={**environment(), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as playing:
        assert playing.stdout is not None
        assert any("  report  " in line for line in playing.stdout if re.match(r"  \d", line))
        started = descendants(playing.pid)
        assert sum("tests.services" in process.command for process in started) >= 7
        playing.kill()
    assert left(started, seconds=60) == set()


def test_without_the_stand_ins_it_says_so(tmp_path: Path) -> None:
    """They belong to a checkout: exit 2 with a remedy, before anything is started."""
    clone = cloned(tmp_path / "a clone")
    played = run(*command(tmp_path, ()), cwd=clone, env={"PYTHONPATH": str(clone)}, seconds=60)
    assert (played.returncode, played.stdout) == (2, "")
    assert "part of a checkout only" in played.stderr
    assert "hint:" in played.stderr


def tools() -> None:
    try:
        require_tools()
    except EmulatorMissing as missing:
        skip_or_fail(str(missing))


class Past:
    """A day as it must have gone, of which a test spoils a part."""

    def __init__(self, folder: Path) -> None:
        self.store, self.exports = MemoryStore(), folder
        self.pushed = [self.report("PredictionCoordinator", game_date=day) for day in DAYS]
        self.pushed.append(self.report("Phase5BGrading", target_date=DAYS[0]))
        for day, mode in RUNS:
            for name, transition in POLICY.transitions.items():
                if mode in transition.expects:
                    observed = transition.dispatch.role is Role.OBSERVE
                    self.ends(RunKey("nba", day, mode), name, State.OBSERVED if observed else State.CONFIRMED)
        for text in DAYS:
            (folder / text).mkdir()
            for kind in TYPES:
                (folder / text / f"{kind}.json").write_text("{}")

    def ends(self, key: RunKey, name: str, state: State, at: datetime = NOW, dispatches: int = 1) -> None:
        transition_state = TransitionState(state=state, generation=1, dispatches=dispatches, triggered_at=at)
        path = transition_path(key, name)
        [document] = self.store.get(path)
        if document is None:
            self.store.create(path, to_data(transition_state))
        else:
            self.store.update(path, to_data(transition_state), document.version)

    def report(self, name: str, **body: str) -> Pushed:
        return Pushed(NOW, "somebody", "a topic", {"processor_name": name, **body}, "204")

    def wrong(self) -> list[Figure]:
        return [figure for figure in figures(POLICY, self.store, self.exports, self.pushed) if not figure.right]


@pytest.fixture
def past(tmp_path: Path) -> Past:
    return Past(tmp_path)


def test_a_day_as_it_must_be_has_no_wrong_figure(past: Past) -> None:
    """Both runs, both exports, one prediction a date, one grading."""
    assert past.wrong() == []


def test_a_message_in_quarantine_is_a_wrong_figure(past: Past) -> None:
    """One is enough."""
    past.store.create("quarantine/1", {"reason": "wrong topic"})
    assert [figure.what for figure in past.wrong()] == ["messages in quarantine"]


def test_a_warning_is_a_wrong_figure_and_an_info_is_none(past: Past) -> None:
    """Its first line is shown, although it may be over by the end."""
    for severity in ("info", "warning"):
        alert = Alert(
            severity, "due", severity, "run", "", "", f"{severity} text\nmore", Lifecycle.ONGOING, NOW, NOW, True
        )
        past.store.create(f"alerts/{severity}", to_data(alert))
    assert [figure.seen for figure in past.wrong()] == ["warning text"]


def test_a_late_or_repeated_or_missing_trigger_is_a_wrong_figure(past: Past) -> None:
    """Triggered after its due, sent twice, never confirmed: each is told of its transition."""
    night = RunKey("nba", *RUNS[0])
    past.ends(night, "phase3_to_grading", State.CONFIRMED, NOW + timedelta(hours=8))
    past.ends(night, "phase3_to_phase4", State.CONFIRMED, dispatches=2)
    past.ends(night, "phase5_to_phase6", State.DISPATCHED)
    assert {figure.what.split()[-1]: figure.seen for figure in past.wrong()} == {
        "phase3_to_grading": "confirmed, one trigger, triggered 14:00",
        "phase3_to_phase4": "confirmed, 2 dispatches, on time",
        "phase5_to_phase6": "dispatched, one trigger, on time",
    }


def test_an_export_of_another_date_or_a_part_of_one_is_a_wrong_figure(past: Past) -> None:
    """Without its date an export takes the day before: that folder shows it."""
    (past.exports / DAYS[1]).rename(past.exports / "2026-03-09")
    (past.exports / DAYS[0] / "tonight.json").unlink()
    assert {figure.what for figure in past.wrong()} == {
        "dates exported",
        f"exports of {DAYS[0]}",
        f"exports of {DAYS[1]}",
    }


def test_a_date_that_is_predicted_twice_is_a_wrong_figure(past: Past) -> None:
    """Reports that nobody took do not count."""
    past.pushed.append(Pushed(NOW, "somebody", "a topic", {"processor_name": "Phase5BGrading"}, "503"))
    past.pushed.append(past.report("PredictionCoordinator", game_date=DAYS[0]))
    assert [figure.seen for figure in past.wrong()] == ["2026-03-10 2 times, 2026-03-11 1 time"]


def test_the_schedulers_ask_in_the_order_of_time() -> None:
    """Within the day that is played, and only for its two dates."""
    times = [call.at for call in scheduled_calls(POLICY)]
    assert times == sorted(times)
    assert {str(call.body.get("game_date") or call.body.get("start_date")) for call in scheduled_calls(POLICY)} == set(
        DAYS
    )
    assert DAY.name == "day"


@pytest.fixture
def clock(tmp_path: Path) -> FileClock:
    clock = FileClock(tmp_path / "clock")
    clock.set(NOW, 0)
    return clock


def test_the_relay_stamps_a_message_once_and_changes_nothing_else(clock: FileClock) -> None:
    """The time of the night in place of the machine's, the same at a redelivery; the answer goes back as it is."""
    taken: list[tuple[str, Any]] = []
    http = RequestsHttp(identity_tokens=False, clock=SystemClock())
    with receiver(taken) as target:
        relay = Relay(clock, {"phase3_to_phase4": target})
        with open_relay(relay) as base:
            for hour in range(2):
                clock.set(NOW + timedelta(hours=hour), 0)
                sent = {"message": {"data": coded(game_date="2026-03-10"), "messageId": "7", "publishTime": "now"}}
                answer = http.request("POST", f"{base}/phase3_to_phase4/a-topic/projects/p", sent, timedelta(seconds=9))
                assert answer.status == 202
    assert [path for path, _ in taken] == ["/projects/p", "/projects/p"]
    assert {body["message"]["publishTime"] for _, body in taken} == {"2026-03-11T10:00:00Z"}
    assert {body["message"]["data"] for _, body in taken} == {coded(game_date="2026-03-10")}
    assert [(push.topic, push.body, push.answer) for push in relay.pushed] == 2 * [
        ("a-topic", {"game_date": "2026-03-10"}, "202")
    ]


def coded(**body: str) -> str:
    return base64.b64encode(json.dumps(body).encode()).decode()


def receiver(taken: list[tuple[str, Any]]) -> Any:
    """Serve for the length of a ``with`` block what keeps each call and answers 202."""
    from contextlib import contextmanager
    from threading import Thread

    from flask import request
    from werkzeug.serving import make_server

    app = Flask("receiver")

    @app.post("/<path:path>")
    def take(path: str) -> tuple[str, int]:
        taken.append((f"/{path}", request.get_json()))
        return "", 202

    @contextmanager
    def serving() -> Iterator[str]:
        server = make_server("127.0.0.1", 0, app, threaded=True)
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()

    return serving()


def test_pushed_work_takes_time_of_the_night_and_a_caller_waits_for_less(clock: FileClock) -> None:
    """What nobody waits for ends when the clock has been put forward, and says until when; a call ends by itself."""
    from threading import Thread

    app, work = Flask("stand-in"), Work(clock)
    work.observe(app)

    @app.post("/work")
    def act() -> str:
        work.sleep(timedelta(minutes=2))
        return "done"

    web = app.test_client()
    assert web.post("/work", json={"analysis_date": "2026-03-10"}).text == "done"
    assert clock.now() == NOW
    push = Thread(target=lambda: app.test_client().post("/work", json={"message": {}}))
    push.start()
    while (state := web.get(STATE).json)["until"] is None:
        SystemClock().sleep(timedelta(milliseconds=10))
    called = {"at": NOW.isoformat(), "path": "/work", "status": 200, "body": {"analysis_date": "2026-03-10"}}
    ends = (NOW + timedelta(minutes=2)).isoformat()
    assert state == {"awake": 0, "until": ends, "taken": 1, "calls": [called]}
    clock.set(NOW + timedelta(minutes=2), 0)
    push.join(timeout=30)
    assert not push.is_alive()
    assert web.get(STATE).json == {"awake": 0, "until": None, "taken": 1, "calls": [called]}
