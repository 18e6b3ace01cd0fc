"""Dead letters: brought back as they were, kept where they cannot be, and told of by the sweep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.app.sweep.dead_letters import EVERY, Replayed, listed, replay
from shared.app.sweep.sweep import SweepOptions
from shared.app.transitions.cloudevents import FIRST_PUBLISHED_AT, REPLAYED_BY, REPLAYED_FOR, REPLAYED_FROM, delivery_of
from shared.app.transitions.receive import receive
from shared.core.errors import Unavailable
from shared.core.message import Delivery
from shared.core.reporting.inventory import Declared, Feed, Job
from shared.ports import DeadLetter
from tests.app.handlers_kit import MINUTE, HandlersKit

T0 = datetime(2026, 1, 21, 11, 0, tzinfo=UTC)
TOPIC = "nba-phase3-analytics-complete"
KEPT = "nba-orchestration-dead-letter-kept"


def letter(ident: str = "m-1", topic: str = TOPIC, attributes: Mapping[str, str] | None = None) -> DeadLetter:
    source = f"nba-phase3-to-phase4--{topic}" if topic else "theirs"
    return DeadLetter(ident, topic, source, b'{"a": 1}', attributes or {"k": "v"}, T0, T0, 100, "", ident)


@dataclass
class FakeDeadLetters:
    """Dead letters with their leases; what is published is kept in order."""

    there: list[DeadLetter]
    taken: set[str] = field(default_factory=set)
    published: list[tuple[str, bytes, dict[str, str]]] = field(default_factory=list)
    fails: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)

    def take(self, most: int) -> list[DeadLetter]:
        free = [dead_letter for dead_letter in self.there if dead_letter.lease not in self.taken][:most]
        self.taken |= {dead_letter.lease for dead_letter in free}
        return free

    def publish(self, letter: DeadLetter, attributes: Mapping[str, str]) -> str:
        if letter.message_id in self.fails:
            raise Unavailable("bus", "no answer")
        if letter.message_id in self.refused:
            raise ValueError("101 attributes, at most 100")
        self.published.append((letter.topic, letter.data, dict(attributes)))
        return f"new-{letter.message_id}"

    def remove(self, letters: Sequence[DeadLetter]) -> None:
        self.there = [dead_letter for dead_letter in self.there if dead_letter not in letters]

    def give_back(self, letters: Sequence[DeadLetter]) -> None:
        self.taken -= {letter.lease for letter in letters}

    @property
    def free(self) -> list[str]:
        return [dead_letter.message_id for dead_letter in self.there if dead_letter.lease not in self.taken]


@pytest.fixture
def kit() -> HandlersKit:
    return HandlersKit().ordinary()


def test_a_look_leaves_everything_where_it_is(kit: HandlersKit) -> None:
    """Afterwards whoever replays gets the same letters, all of them, more than one batch."""
    port = FakeDeadLetters([letter(str(number)) for number in range(250)])
    assert len(listed(port)) == 250
    assert len(port.free) == 250
    assert len(listed(port, 120)) == 120
    assert len(port.free) == 250


def test_a_replay_publishes_bytes_and_attributes_with_two_marks_and_removes(kit: HandlersKit) -> None:
    """To its own topic; the marks say which letter it was and when that was published."""
    port = FakeDeadLetters([letter("m-1"), letter("m-2")])
    outcomes = list(replay(kit.ctx, port))
    assert [(outcome.new_id, outcome.kept) for outcome in outcomes] == [("new-m-1", ""), ("new-m-2", "")]
    marks = {REPLAYED_FROM: "m-1", FIRST_PUBLISHED_AT: T0.isoformat()}
    assert port.published[0] == (TOPIC, b'{"a": 1}', {"k": "v", **marks})
    assert port.there == []


def test_a_letter_that_died_twice_keeps_its_first_publication(kit: HandlersKit) -> None:
    """The second replay says the time of the first publication, and the newest letter."""
    first = (T0 - timedelta(days=1)).isoformat()
    port = FakeDeadLetters([letter("m-9", attributes={REPLAYED_FROM: "m-1", FIRST_PUBLISHED_AT: first})])
    list(replay(kit.ctx, port))
    assert port.published[0][2] == {REPLAYED_FROM: "m-9", FIRST_PUBLISHED_AT: first}


def test_a_replay_says_who_brought_it_back_and_why(kit: HandlersKit) -> None:
    """D9: by attributes of the new message, as long as a bus takes; those of an earlier replay are not kept."""
    earlier = {REPLAYED_FROM: "m-0", REPLAYED_BY: "first", REPLAYED_FOR: "first try"}
    port = FakeDeadLetters([letter("m-1", attributes=earlier), letter("m-2")])
    list(replay(kit.ctx, port, by="oncall", reason="ü" * 2000))
    for (_, _, given), ident in zip(port.published, ("m-1", "m-2"), strict=True):
        assert (given[REPLAYED_FROM], given.get(REPLAYED_BY)) == (ident, "oncall")
        assert given[REPLAYED_FOR] == "ü" * 512
    port.there = [letter("m-3", attributes=earlier)]
    list(replay(kit.ctx, port))
    assert port.published[-1][2] == {REPLAYED_FROM: "m-3", FIRST_PUBLISHED_AT: T0.isoformat()}


@pytest.mark.parametrize("data", [b"", b'{"processor_name": "player_game_summary", "status": "started"}', b"not JSON"])
def test_who_receives_a_message_that_was_brought_back_logs_it(kit: HandlersKit, data: bytes) -> None:
    """Whatever becomes of it: the letter, who and why stand in the log of the function; of others nothing does."""
    marks = {REPLAYED_FROM: "m-1", REPLAYED_BY: "oncall", REPLAYED_FOR: "service repaired"}
    for attributes in (marks, {}):
        receive(kit.ctx, Delivery("m-2", "phase3", data, T0, T0, attributes))
    [line] = kit.logged("completion.replayed")
    assert {**marks, "message_id": "m-2", "phase": "phase3"}.items() <= line.items()


@pytest.mark.parametrize(
    ("kept", "why"),
    [
        (letter("m-1", topic=""), "its topic is not known: it came by theirs"),
        (letter("m-1", topic="gone"), "the policy names no topic gone"),
    ],
)
def test_what_cannot_be_brought_back_stays_with_its_reason(kit: HandlersKit, kept: DeadLetter, why: str) -> None:
    """It is neither published nor removed, it is free again, and the others are brought back all the same."""
    port = FakeDeadLetters([kept, letter("m-2")])
    first, second = replay(kit.ctx, port)
    assert why in first.kept
    assert second.new_id == "new-m-2"
    assert port.free == ["m-1"]


def test_what_the_bus_refuses_stays(kit: HandlersKit) -> None:
    """A message that no bus takes is kept and named."""
    port = FakeDeadLetters([letter("m-1")], refused={"m-1"})
    [outcome] = replay(kit.ctx, port)
    assert outcome == Replayed(letter("m-1"), kept="101 attributes, at most 100")
    assert port.free == ["m-1"]


def test_a_bus_that_stops_answering_loses_nothing(kit: HandlersKit) -> None:
    """What was published is gone from here; the one that failed and those after it stay, free for the next try."""
    port = FakeDeadLetters([letter(f"m-{number}") for number in range(3)], fails={"m-1"})
    with pytest.raises(Unavailable):
        list(replay(kit.ctx, port))
    assert len(port.published) == 1
    assert port.free == ["m-1", "m-2"]


def test_only_the_named_one_is_brought_back(kit: HandlersKit) -> None:
    """The others stay and are free; one that is not there yields nothing."""
    port = FakeDeadLetters([letter("m-1"), letter("m-2")])
    assert [outcome.new_id for outcome in replay(kit.ctx, port, ["m-2"])] == ["new-m-2"]
    assert port.free == ["m-1"]
    assert list(replay(kit.ctx, port, ["m-7"])) == []


def test_a_dry_run_publishes_and_removes_nothing(kit: HandlersKit) -> None:
    """It says what would be, and why not."""
    port = FakeDeadLetters([letter("m-1"), letter("m-2", topic="gone")])
    assert [bool(outcome.kept) for outcome in replay(kit.ctx, port, dry_run=True)] == [False, True]
    assert (port.published, port.free) == ([], ["m-1", "m-2"])


@pytest.mark.parametrize(
    ("stated", "counted"),
    [
        (T0.isoformat(), T0),
        ("2026-01-21T11:00:00Z", T0),
        ((T0 + timedelta(days=9)).isoformat(), T0 + timedelta(hours=20)),  # never later than it came
        ("yesterday", T0 + timedelta(hours=20)),
    ],
)
def test_a_message_that_was_a_dead_letter_is_of_its_first_publication(
    kit: HandlersKit, stated: str, counted: datetime
) -> None:
    """Its mode and order, where it states no time, are those of then, not of the replay."""
    published = (T0 + timedelta(hours=20)).isoformat()
    message = {"data": "e30=", "messageId": "9", "publishTime": published, "attributes": {FIRST_PUBLISHED_AT: stated}}
    event = _Event({"message": message}, {"id": "9", "source": f"//pubsub.googleapis.com/projects/p/topics/{TOPIC}"})
    assert delivery_of(kit.ctx, "phase3_to_phase4", event).published_at == counted


@dataclass
class _Event:
    data: object
    attributes: dict[str, str]

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]


@dataclass
class Monitored:
    """An inventory with a number of dead letters; counts how often it was asked."""

    letters: int | None = 0
    asked: int = 0
    away: bool = False

    def declared(self) -> Declared:
        return Declared("us-west2", dead_letters=KEPT)

    def schedules(self) -> list[Job]:
        raise AssertionError("the sweep asks nothing of schedules")

    def subscriptions(self) -> list[Feed]:
        raise AssertionError("the sweep asks nothing of subscriptions")

    def backlog(self) -> dict[str, int]:
        self.asked += 1
        if self.away:
            raise Unavailable("inventory", "Cloud Monitoring does not answer")
        return {} if self.letters is None else {KEPT: self.letters}


def _sweeps(kit: HandlersKit, minutes: int) -> None:
    for _ in range(minutes):
        kit.sweep()
        kit.wait(MINUTE)


@pytest.fixture
def monitored(kit: HandlersKit) -> Monitored:
    inventory = Monitored()
    kit.ctx = replace(kit.ctx, inventory=inventory)
    return inventory


def test_the_sweep_says_how_many_there_are_once_and_when_there_are_none(kit: HandlersKit, monitored: Monitored) -> None:
    """One warning with number and command; it stands over the sweeps that do not count; one recovery."""
    monitored.letters = 3
    _sweeps(kit, 40)
    [notice] = kit.notices("dead_letters")
    assert notice.severity == "warning"
    assert f"3 dead letters in {KEPT}" in notice.text
    assert "orch dead-letters list" in notice.text
    assert "orch dead-letters replay --all" in notice.text
    monitored.letters = 0
    _sweeps(kit, 40)
    assert [notice.resolved for notice in kit.notices("dead_letters")] == [False, True]
    monitored.letters = 1
    _sweeps(kit, 20)
    assert "a dead letter in" in kit.notices("dead_letters")[-1].text


def test_monitoring_is_asked_every_quarter_of_an_hour(kit: HandlersKit, monitored: Monitored) -> None:
    """Not by each sweep: 61 sweeps, five questions."""
    _sweeps(kit, 61)
    assert monitored.asked == timedelta(hours=1) // EVERY + 1


def test_without_a_number_nothing_is_raised_or_ended(kit: HandlersKit, monitored: Monitored) -> None:
    """Monitoring that is away, or has no point, is no news."""
    monitored.letters = 2
    _sweeps(kit, 1)
    monitored.away = True
    _sweeps(kit, 16)
    monitored.away, monitored.letters = False, None
    _sweeps(kit, 16)
    assert [notice.resolved for notice in kit.notices("dead_letters")] == [False]


def test_a_dry_run_of_the_sweep_asks_nothing(kit: HandlersKit, monitored: Monitored) -> None:
    """It only looks at runs."""
    monitored.letters = 2
    kit.sweep(SweepOptions(dry_run=True))
    assert (monitored.asked, kit.notices("dead_letters")) == (0, [])
