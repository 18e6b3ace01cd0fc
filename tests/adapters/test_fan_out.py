"""FanOut and ConsoleSink: everybody is told, the worst answer wins."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from shared.adapters.fan_out import FanOut
from shared.adapters.local.console import ConsoleSink
from shared.core.errors import Unavailable
from shared.ports import AlertSink, Delivered, Notice, Refused

NOTICE = Notice("f", "warning", "gate_blocks", "minutes_coverage reads 62\nLook at the table.")


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
    sinks = [Sink(Delivered()), Sink(Delivered())]
    assert FanOut(sinks).send(NOTICE) == Delivered()
    assert [sink.got for sink in sinks] == [[NOTICE], [NOTICE]]


def test_a_refusal_wins_over_a_delivery() -> None:
    """The reasons of all refusals are returned."""
    sinks = [Sink(Refused("no webhook")), Sink(Delivered()), Sink(Refused("wrong key"))]
    assert FanOut(sinks).send(NOTICE) == Refused("no webhook; wrong key")
    assert all(sink.got for sink in sinks)


def test_an_outage_wins_over_everything_after_all_were_told() -> None:
    """It is raised last, and names refusals too."""
    sinks = [Sink(Unavailable("slack", "502")), Sink(Refused("wrong key")), Sink(Delivered())]
    with pytest.raises(Unavailable, match="slack: 502; wrong key"):
        FanOut(sinks).send(NOTICE)
    assert all(sink.got for sink in sinks)


def test_nobody_to_tell_is_an_error() -> None:
    """An empty fan-out would swallow every alert."""
    with pytest.raises(ValueError):
        FanOut([])


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
