"""LocalBus beyond the port: redelivery, two processes over one file, and the real function host."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from shared.adapters.clock import SystemClock
from shared.adapters.http import RequestsHttp
from shared.adapters.local.bus import LocalBus, redelivery_delay
from shared.core.errors import Unavailable
from shared.ports import Http, Message
from tests.adapters.support import ManualClock
from tests.local_server import LocalServer, ServerAnswer, closed_port

HTTP: Http = RequestsHttp(identity_tokens=False, clock=SystemClock())
MESSAGE = Message({"n": 1}, {"a": "b"})


def test_the_delays_double_from_ten_seconds_to_ten_minutes() -> None:
    """As Pub/Sub with retry on."""
    assert [redelivery_delay(n).total_seconds() for n in range(1, 10)] == [10, 20, 40, 80, 160, 320, 600, 600, 600]
    assert redelivery_delay(100_000) == timedelta(seconds=600)


@pytest.mark.parametrize("answer", [ServerAnswer(500), ServerAnswer(404), ServerAnswer(302), ServerAnswer(drop=True)])
def test_a_message_comes_back_until_it_is_accepted(answer: ServerAnswer) -> None:
    """Every non-2xx is redelivered after 10 s, then 20 s, under the same id, and not before."""
    clock = ManualClock()
    bus = LocalBus(None, clock)
    with LocalServer(answer, answer) as receiver:
        bus.add_topic("t", receiver.url)
        (ident,) = bus.publish("t", [MESSAGE])
        attempts = []
        for wait in (0, 9.999, 0.001, 19.999, 0.001, 3600):
            clock.time += timedelta(seconds=wait)
            attempts.append([(push.attempt, push.accepted, push.message_id) for push in bus.deliver(HTTP)])
    assert attempts == [[(1, False, ident)], [], [(2, False, ident)], [], [(3, True, ident)], []]
    assert {asked.json["message"]["messageId"] for asked in receiver.asked} == {ident}
    assert bus.backlog() == 0


def test_nobody_listening_is_an_attempt() -> None:
    """A subscriber that is down costs an attempt, and the reason is kept."""
    bus = LocalBus(None, ManualClock())
    bus.add_topic("t", f"http://127.0.0.1:{closed_port()}")
    bus.publish("t", [MESSAGE])
    (push,) = bus.deliver(HTTP)
    assert (push.accepted, "connection refused" in str(push.answer)) == (False, True)
    assert bus.backlog() == 1


def test_a_topic_without_subscriber_takes_messages_and_delivers_none() -> None:
    """As Pub/Sub: published, and gone."""
    bus = LocalBus(None, ManualClock())
    bus.add_topic("t")
    assert len(bus.publish("t", [MESSAGE])) == 1
    assert (bus.backlog(), bus.deliver(HTTP)) == (0, [])


def test_one_bad_message_does_not_hold_up_the_others() -> None:
    """Each message has its own attempts."""
    bus = LocalBus(None, ManualClock())
    with LocalServer(ServerAnswer(500)) as receiver:
        bus.add_topic("t", receiver.url)
        bus.publish("t", [MESSAGE] * 3)
        assert sum(push.accepted for push in bus.deliver(HTTP)) == 2
    assert bus.backlog() == 1


def test_messages_of_another_process_are_pushed(tmp_path: Path) -> None:
    """A function publishes, dies, and the pump of another process delivers what it left in the file."""
    path = tmp_path / "bus.sqlite"
    bus = LocalBus(path, SystemClock())
    with LocalServer() as receiver:
        bus.add_topic("t", receiver.url)
        code = (
            "import pathlib, sys; from shared.adapters.clock import SystemClock; from shared.ports import Message;"
            "from shared.adapters.local.bus import LocalBus;"
            "print(*LocalBus(pathlib.Path(sys.argv[1]), SystemClock()).publish('t', [Message({'n': 1}, {})] * 3))"
        )
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
        assert sorted(push.message_id for push in bus.deliver(HTTP)) == sorted(done.stdout.split())
        assert len(receiver.asked) == 3


def test_two_pumps_share_the_work(tmp_path: Path) -> None:
    """Whatever one pump has taken the other leaves: every message is pushed once."""
    path, count = tmp_path / "bus.sqlite", 30
    pumps = [LocalBus(path, SystemClock()) for _ in range(2)]
    with LocalServer(always=ServerAnswer(hang=0.01)) as receiver:
        pumps[0].add_topic("t", receiver.url)
        pumps[0].publish("t", [MESSAGE] * count)
        threads = [threading.Thread(target=pump.deliver, args=(HTTP,)) for pump in pumps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(receiver.asked) == count
    assert pumps[1].backlog() == 0


def test_a_pump_that_dies_loses_nothing(tmp_path: Path) -> None:
    """A message taken and never answered for is due again, by the time that a push may last."""

    class Dies:
        def request(self, *_: object) -> object:
            raise KeyboardInterrupt

    clock = ManualClock()
    bus = LocalBus(tmp_path / "bus.sqlite", clock)
    with LocalServer() as receiver:
        bus.add_topic("t", receiver.url)
        bus.publish("t", [MESSAGE])
        with pytest.raises(KeyboardInterrupt):
            bus.deliver(Dies())  # type: ignore[arg-type]
        assert bus.deliver(HTTP) == []
        clock.time += timedelta(seconds=60)
        assert [push.attempt for push in bus.deliver(HTTP)] == [2]


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    """The reason names the file."""
    path = tmp_path / "bus.sqlite"
    path.write_text("this is no database, it is a text of some length, long enough for a header" * 20)
    with pytest.raises(Unavailable, match=r"bus\.sqlite"):
        LocalBus(path, SystemClock()).publish("t", [MESSAGE])


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_the_function_host_takes_it_for_a_cloud_event(tmp_path: Path) -> None:
    """functions-framework turns a push into the CloudEvent that Eventarc would send."""
    from functions_framework import create_app

    source, seen = tmp_path / "main.py", tmp_path / "seen.json"
    source.write_text(
        "import functions_framework, json, pathlib\n"
        "@functions_framework.cloud_event\n"
        "def handler(event):\n"
        f"    pathlib.Path({str(seen)!r}).write_text(json.dumps([event['type'], event['source'], event['id'],"
        " event.data['message']['data'], event.data['message']['attributes']]))\n"
    )
    app = create_app("handler", str(source), "cloudevent")  # type: ignore[no-untyped-call]
    with make_server("127.0.0.1", 0, app, handler_class=_Quiet) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        bus = LocalBus(None, SystemClock(), "demo-orch")
        bus.add_topic("nba-phase2", f"http://127.0.0.1:{server.server_port}")
        (ident,) = bus.publish("nba-phase2", [MESSAGE])
        (push,) = bus.deliver(HTTP)
        server.shutdown()
    assert push.accepted
    assert seen.read_text() == (
        '["google.cloud.pubsub.topic.v1.messagePublished", '
        f'"//pubsub.googleapis.com/projects/demo-orch/topics/nba-phase2", "{ident}", "eyJuIjoxfQ==", {{"a": "b"}}]'
    )
