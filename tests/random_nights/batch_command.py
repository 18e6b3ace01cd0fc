"""`bin/nights --batches`: play random batches, name those that broke a promise, and how to play one of them again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from shared.runtime import policy_in
from tests.random_nights.batch_case import batch_case
from tests.random_nights.batch_world import BatchWorld, played

HELD, FAILED = 0, 1


def play_batches(seeds: Sequence[int], judge: Callable[[BatchWorld], Iterable[str]]) -> int:
    """Play the batches of these seeds; return 0 if every promise held, 1 if not."""
    policy, faults, failed = policy_in(), 0, 0
    for seed in seeds:
        world = played(policy, batch_case(seed))
        faults += world.faults
        violations = list(judge(world))
        failed += bool(violations)
        if violations:
            print(f"FAILED  seed {seed}, {len(world.case.members)} members, {world.faults} faults")
            for violation in violations:
                print(f"  {violation}")
            print(f"  replay: bin/nights --batches --seed {seed}", flush=True)
    print(f"{len(seeds)} batches, {faults} faults: {failed} broke a promise")
    return FAILED if failed else HELD
