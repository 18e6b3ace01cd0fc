"""A property that is worked out once for each instance, and keeps no other instance waiting."""

from __future__ import annotations

import threading
from collections.abc import Callable

from shared.core.computed_once import computed_once

LONG = 30.0


class CountedAnswer:
    """Works out its answer by a function, and counts how often."""

    def __init__(self, work: Callable[[], int]) -> None:
        self._work, self.times = work, 0

    @computed_once
    def answer(self) -> int:
        """The answer."""
        self.times += 1
        return self._work()


def test_it_is_worked_out_when_it_is_asked_for_and_once() -> None:
    """Each instance has its own answer; what was never asked for was never worked out."""
    asked, other = CountedAnswer(lambda: 1), CountedAnswer(lambda: 2)
    assert (asked.answer, asked.answer, asked.times) == (1, 1, 1)
    assert other.times == 0
    assert (other.answer, asked.answer) == (2, 1)


def test_one_that_takes_long_keeps_no_other_waiting() -> None:
    """A thread that works out one instance's answer holds nothing that another instance needs."""
    begun, over = threading.Event(), threading.Event()

    def slow() -> int:
        begun.set()
        assert over.wait(LONG), "the other instance waited"
        return 1

    thread = threading.Thread(target=lambda: CountedAnswer(slow).answer, daemon=True)
    thread.start()
    assert begun.wait(LONG)
    answers: list[int] = []
    other = threading.Thread(target=lambda: answers.append(CountedAnswer(lambda: 2).answer), daemon=True)
    other.start()
    other.join(LONG / 3)
    answered = list(answers)
    over.set()
    thread.join(LONG)
    assert answered == [2]
