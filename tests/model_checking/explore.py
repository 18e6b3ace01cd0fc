"""Goes through every order in which handlers can act on what they share, with crashes between any two acts.

Equal states are gone into once. The number of interleavings is that of the paths through them,
counted exactly: what two orders have in common is not played twice, and none is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

from tests.model_checking.replay_ports import Ask, Ended, Machine
from tests.model_checking.visited_states import Done, StoreState, VisitedStates

T = TypeVar("T", bound=Hashable)
DEAD = -1
ACCEPTED = 200

Left = tuple[tuple[str, int], ...]
"""What has left, by channel and trigger id, and how often."""

State = tuple[int, tuple[int, ...], int, int, int]
"""Where everything stands: number of the shelf, position of each handler, number of what has left, crashes to come,
and how often the clock has jumped."""

Watch = Callable[[VisitedStates, int, Ask, StoreState, StoreState, datetime], str | None]


@dataclass(frozen=True, slots=True)
class Final:
    """An end: the store, who was not acknowledged, what has left, and whether one died."""

    store_state: StoreState
    unfinished: frozenset[int]
    left: Left
    crashed: bool


@dataclass
class Explored:
    """What was explored. ``finals`` holds each end with one way that leads to it."""

    interleavings: int = 0
    states: int = 0
    steps: int = 0
    finals: dict[Final, tuple[str, ...]] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)


class Numbers(Generic[T]):
    """Values by number, equal ones by the same."""

    def __init__(self) -> None:
        self.values: list[T] = []
        self._numbers: dict[T, int] = {}

    def of(self, value: T) -> int:
        number = self._numbers.get(value)
        if number is None:
            number = self._numbers[value] = len(self.values)
            self.values.append(value)
        return number


class Explorer:
    """``shared`` says which operations concern others; ``watch`` is asked of each step what is wrong with it.

    ``times`` are what the clock shows, one after the other; it may jump between any two steps.
    """

    def __init__(
        self,
        library: VisitedStates,
        machines: Sequence[Machine],
        shared: Callable[[Ask], bool],
        watch: Watch,
        times: Sequence[datetime],
    ) -> None:
        self._library, self._machines, self._shared, self._watch = library, machines, shared, watch
        self._times = times
        self._shelves, self._lefts = Numbers[StoreState](), Numbers[Left]()
        self._paths: dict[State, int] = {}
        self._steps: dict[tuple[int, int, int, int, int], tuple[int, int, int]] = {}
        self._trail: list[str] = []
        self.found = Explored()

    def explore(self, shelf: StoreState, crashes: int) -> Explored:
        """Go through everything from this content on."""
        starts = tuple(machine.start for machine in self._machines)
        first: State = (self._shelves.of(shelf), starts, self._lefts.of(()), crashes, 0)
        for who in range(len(self._machines)):
            first = self._alone(first, who)
        self.found.interleavings = self._from(first)
        self.found.states = len(self._paths)
        return self.found

    def _from(self, state: State) -> int:
        """Return the number of ways from a state to an end."""
        ways = self._paths.get(state)
        if ways is not None:
            return ways
        total = 0
        for name, after in self._successors(state):
            ways = self._paths.get(after)
            if ways is None:
                self._trail.append(name)
                ways = self._from(after)
                self._trail.pop()
            total += ways
        if total == 0:
            self._end(state)
            total = 1
        self._paths[state] = total
        return total

    def _end(self, state: State) -> None:
        shelf, positions, left, _, _ = state
        unfinished = frozenset(who for who, at in enumerate(positions) if not self._well(who, at))
        final = Final(self._shelves.values[shelf], unfinished, self._lefts.values[left], DEAD in positions)
        self.found.finals.setdefault(final, tuple(self._trail))

    def _well(self, who: int, at: int) -> bool:
        ask = None if at == DEAD else self._machines[who].asks[at]
        return isinstance(ask, Ended) and ask.well

    def _successors(self, state: State) -> Iterator[tuple[str, State]]:
        working = False
        for who, at in enumerate(state[1]):
            if at == DEAD:
                continue
            machine = self._machines[who]
            ask = machine.asks[at]
            if isinstance(ask, Ended):
                continue
            working = True
            self.found.steps += 1
            description = f"{machine.handler.name} {ask.what} {ask.arguments[0]}"
            yield description, self._alone(self._act(state, who, ask), who)
            if state[3]:
                yield f"dead before: {description}", _dead(state, who, state[2])
                if ask.what == "publish" and len(ask.arguments[1]) > 1:
                    yield f"dead within: {description}", _dead(state, who, self._with(state[2], _leaving(ask)))
        if working and state[4] + 1 < len(self._times):
            yield "the clock jumps", self._later((*state[:4], state[4] + 1))

    def _later(self, state: State) -> State:
        """Let everybody who asks for the time have it, if it will not change any more."""
        for who, at in enumerate(state[1]):
            state = state if at == DEAD else self._alone(state, who)
        return state

    def _alone(self, state: State, who: int) -> State:
        """Let a handler go on as long as it does only what concerns nobody else."""
        while True:
            ask = self._machines[who].asks[state[1][who]]
            if isinstance(ask, Ended) or (self._changes(state) if ask.what == "now" else self._shared(ask)):
                return state
            state = self._act(state, who, ask)

    def _changes(self, state: State) -> bool:
        return state[4] + 1 < len(self._times)

    def _act(self, state: State, who: int, ask: Ask) -> State:
        """Return the state after a handler's operation has been done and answered."""
        shelf, positions, left, crashes, time = state
        key = (shelf, who, positions[who], left, time)
        step = self._steps.get(key)
        if step is None:
            step = self._steps[key] = self._do(shelf, who, positions[who], left, ask, time)
        shelf, position, left = step
        return shelf, _replaced(positions, who, position), left, crashes, time

    def _do(self, shelf: int, who: int, position: int, left: int, ask: Ask, time: int) -> tuple[int, int, int]:
        content = after = self._shelves.values[shelf]
        if ask.what == "now":
            done = Done(self._times[time], time)
        elif ask.what in ("publish", "call", "send"):
            done, left = _taken(ask), self._with(left, _leaving(ask))
        else:
            done = self._library.run(ask, content)
            if done.written is not None:
                after = tuple(sorted({**dict(content), done.written[0]: done.written[1]}.items()))
        wrong = self._watch(self._library, who, ask, content, after, self._times[time])
        if wrong is not None:
            self.found.violations.append(f"{wrong}, after: {'; '.join(self._trail)}")
        return self._shelves.of(after), self._machines[who].after(position, done.key, done.answer), left

    def _with(self, left: int, what: str) -> int:
        counts = dict(self._lefts.values[left])
        counts[what] = counts.get(what, 0) + 1
        return self._lefts.of(tuple(sorted(counts.items())))


def _dead(state: State, who: int, left: int) -> State:
    return state[0], _replaced(state[1], who, DEAD), left, state[3] - 1, state[4]


def _replaced(positions: tuple[int, ...], who: int, position: int) -> tuple[int, ...]:
    return (*positions[:who], position, *positions[who + 1 :])


def _taken(ask: Ask) -> Done:
    """Return the answer to what is sent: it is always accepted."""
    if ask.what == "publish":
        return Done([f"m{number}" for number in range(len(ask.arguments[1]))], None)
    return Done(ACCEPTED if ask.what == "call" else None, None)


def _leaving(ask: Ask) -> str:
    match ask.what:
        case "publish":
            return f"topic {ask.arguments[1][0]}"
        case "call":
            return f"call {ask.arguments[0]}"
        case _:
            return f"said {ask.arguments[0]} {ask.arguments[1]}"
