"""What stands for Cloud Run before the instances of a crowd."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.emulators.push_burst import FULL, Front


def test_a_crowd_is_at_once_however_fast_the_instances_are() -> None:
    """Instances that answer in no time are full all the same, and all the rest of the crowd is refused once."""
    front = Front([lambda path, body: 204] * 3, concurrency=2, refused=5)
    with ThreadPoolExecutor(11) as pool:
        answers = list(pool.map(lambda number: front.answer("/topic", b""), range(11)))
    assert (answers.count(204), answers.count(FULL)) == (6, 5)
    assert front.most_at_once == 2
