"""FanOut and ConsoleSink: everybody is told, the worst answer wins."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.adapters.local.console import ConsoleSink
from shared.adapters.notify.fan_out import FanOut
from shared.core.errors import Unavailable, Undelivered
from shared.ports import AlertSink, Delivered, Notice, Refused

NOTICE = Notice("f", "warning", "gate_blocks", "minutes_coverage reads 62\nLook at the table.")
LATER, HOUR = datetime(2026, 1, 22, 12, tzinfo=UTC), timedelta(hours=1)


class Sink:
    """Answers as it is told and remembers what it got."""

    def __init__(self, answer: Delivered | Refused | Unavailable) -> None:
        self.answer, self.got = answer, list[Notice]()

    def send(self, notice: Notice) -> Delivered | Refused:
        self.got.append(notice)
        if isinstance(self.answer, Unavailable):
            raise self.answer
        return self.answer


def test_all_delivered_is_delivered() -> None:
    """Every sink gets the notice."""
    sinks = {"a": Sink(Delivered()), "b": Sink(Delivered())}
    assert FanOut(sinks).send(NOTICE) == Delivered()
    assert [sink.got for sink in sinks.values()] == [[NOTICE], [NOTICE]]


def test_a_refusal_wins_over_a_delivery() -> None:
    """The reasons of all refusals are returned."""
    sinks = {"a": Sink(Refused("no webhook")), "b": Sink(Delivered()), "c": Sink(Refused("wrong key"))}
    assert FanOut(sinks).send(NOTICE) == Refused("no webhook; wrong key", ("b",))
    assert all(sink.got for sink in sinks.values())


def test_an_outage_wins_over_everything_after_all_were_told() -> None:
    """It is raised last, and names refusals too."""
    sinks = {"a": Sink(Unavailable("slack", "502")), "b": Sink(Refused("wrong key")), "c": Sink(Delivered())}
    with pytest.raises(Undelivered, match="slack: 502; wrong key") as caught:
        FanOut(sinks).send(NOTICE)
    assert all(sink.got for sink in sinks.values())
    assert caught.value.taken == ("c",)


def test_who_has_it_is_left_in_peace() -> None:
    """A notice goes to those alone who did not take it; when all have it, it is delivered."""
    sinks = {"a": Sink(Unavailable("slack", "502")), "b": Sink(Delivered())}
    again = replace(NOTICE, taken=("b",))
    with pytest.raises(Undelivered) as caught:
        FanOut(sinks).send(again)
    assert caught.value.taken == ("b",)
    assert sinks["b"].got == []
    sinks["a"].answer = Delivered()
    assert FanOut(sinks).send(again) == Delivered()
    assert sinks["b"].got == []


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [(LATER, LATER + HOUR, LATER), (LATER, None, None), (None, None, None)],
    ids=["both", "one", "none"],
)
def test_the_first_that_may_be_tried_again_is_waited_for(
    first: datetime | None, second: datetime | None, expected: datetime | None
) -> None:
    """What a sink asked for is passed on, unless another one may be tried at any time."""
    sinks = {name: Sink(Undelivered(name, "429", retry_at=at)) for name, at in (("a", first), ("b", second))}
    with pytest.raises(Undelivered) as caught:
        FanOut(sinks).send(NOTICE)
    assert caught.value.retry_at == expected


def test_nobody_to_tell_is_an_error() -> None:
    """An empty fan-out would swallow every alert."""
    with pytest.raises(ValueError):
        FanOut({})


def test_the_console_shows_severity_kind_and_text() -> None:
    """One line, continued with an indent; repetitions and recoveries say so."""
    stream = io.StringIO()
    sink: AlertSink = ConsoleSink(stream)
    assert sink.send(NOTICE) == Delivered()
    sink.send(replace(NOTICE, text="all good", resolved=True, count=3))
    assert stream.getvalue() == (
        "WARNING gate_blocks: minutes_coverage reads 62\n    Look at the table.\n"
        "RESOLVED gate_blocks (seen 3 times): all good\n"
    )


def test_the_console_is_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """Talk goes to stderr, stdout is for data; a notice without text is no error."""
    ConsoleSink().send(replace(NOTICE, text=""))
    assert capsys.readouterr() == ("", "WARNING gate_blocks: \n")
