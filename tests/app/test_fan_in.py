"""Phases of very many members: nobody who is the last is overlooked, and nobody pays for the others (design)."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.app.context import Context
from shared.app.transitions.receive import receive
from shared.core.model import State
from shared.core.policy.phases import Phase, Processor
from shared.core.policy.policy import Policy
from shared.core.policy.transitions import Expectation
from tests.app.handlers_kit import HandlersKit
from tests.core.build import PGS, POLICY, TO4

MEMBERS = 53
NAMES = tuple(f"job_{number:03d}" for number in range(MEMBERS))
# Reads a report may cost, all in all: its own four, who was missing, and now and then the whole phase.
EACH = 10


def crowded(names: tuple[str, ...] = NAMES) -> Policy:
    """Return the reference policy with a phase 3 of very many members, all of them required, and no gates."""
    processors = {name: Processor(name, "phase3") for name in names}
    expects = {"overnight": Expectation(frozenset(processors))}
    transition = replace(POLICY.transitions[TO4], expects=expects, gates=(), preflight=None)
    before = POLICY.phases["phase3"]
    return replace(
        POLICY,
        phases={**POLICY.phases, "phase3": Phase(before.name, before.title, before.completions_topic, processors)},
        transitions={**POLICY.transitions, TO4: transition},
    )


CROWDED = crowded()


class LargePhase(HandlersKit):
    """A kit whose phase 3 is large; its sweep never comes, so that only deliveries can trigger."""

    def __init__(self, instances: int = 1, seed: int | None = None, members: int = MEMBERS) -> None:
        self.names = NAMES if members == MEMBERS else tuple(f"job_{number:03d}" for number in range(members))
        super().__init__(policy=CROWDED if members == MEMBERS else crowded(self.names), seed=seed)
        self.ordinary()
        self.instances = [self.ctx, *(self.instance() for _ in range(instances - 1))]

    def report(self, name: str, status: str = "success", ctx: Context | None = None) -> None:
        self.take("phase3", self.body(name, status), ctx=ctx)

    def body(self, name: str, status: str = "success") -> bytes:
        return json.dumps({**self.message(PGS, status), "processor_name": name}).encode()


reports = st.lists(st.sampled_from(("started", "failed", "success", "partial", "started")), max_size=2)


@settings(max_examples=40, deadline=None)
@given(
    order=st.permutations(NAMES),
    before=st.fixed_dictionaries(dict.fromkeys(NAMES, reports)),
    chance=st.randoms(use_true_random=False),
    instances=st.integers(1, 3),
)
def test_the_last_of_a_crowd_triggers(
    order: list[str], before: dict[str, list[str]], chance: Random, instances: int
) -> None:
    """Whatever was reported in whatever order to whatever instance: with the last success the trigger leaves."""
    kit = LargePhase(instances)
    for name in order[:-1]:
        for status in [*before[name], "success"]:
            kit.report(name, status, chance.choice(kit.instances))
    assert kit.state(TO4).state is State.WAITING
    kit.report(order[-1], "success", chance.choice(kit.instances))
    assert kit.state(TO4).state in (State.DISPATCHED, State.CONFIRMED)


@pytest.mark.parametrize("order", [NAMES, NAMES[::-1], NAMES[26:] + NAMES[:26]], ids=["rising", "falling", "turned"])
@pytest.mark.parametrize("statuses", [("success",), ("started", "success"), ("started", "failed", "success")])
def test_reports_cost_the_same_in_any_order(order: tuple[str, ...], statuses: tuple[str, ...]) -> None:
    """All members say all they have to say, one after the other or all at a time: what a report costs stays bounded."""
    for turns in ([(n, s) for n in order for s in statuses], [(n, s) for s in statuses for n in order]):
        kit = LargePhase()
        kit.store.operations.clear()
        for name, status in turns:
            kit.report(name, status)
        assert kit.state(TO4).state is State.DISPATCHED
        assert kit.store.operations["reads"] <= EACH * len(turns)


def test_after_its_trigger_a_crowd_is_not_read_again() -> None:
    """A duplicate costs what any completion costs; a refresh of so many is the sweep's."""
    kit = LargePhase()
    for name in NAMES:
        kit.report(name)
    kit.store.operations.clear()
    kit.report(NAMES[0])
    assert kit.store.operations["reads"] <= EACH


def test_a_member_that_takes_its_success_back_is_waited_for() -> None:
    """Who failed after a success is missing again, also for an instance that has seen the success."""
    kit = LargePhase(2)
    for name in NAMES[:-1]:
        kit.report(name, ctx=kit.instances[0])
    kit.report(NAMES[3], "failed", kit.instances[1])
    kit.report(NAMES[-1], ctx=kit.instances[0])
    assert kit.state(TO4).state is State.WAITING
    kit.report(NAMES[3], ctx=kit.instances[1])
    assert kit.state(TO4).state is State.DISPATCHED


@pytest.mark.parametrize("instances", [1, 3])
@pytest.mark.parametrize("seed", range(20))
def test_the_last_few_at_once_trigger_once(seed: int, instances: int) -> None:
    """Of those who are the last together, another at work after every operation on the store, one triggers."""
    kit = LargePhase(instances, seed)
    last = NAMES[-6:]
    for name in NAMES[:-6]:
        kit.report(name, ctx=kit.instances[seed % instances])
    kit.at_once(
        *(
            partial(receive, kit.instances[n % instances], kit.delivery("phase3", kit.body(name)))
            for n, name in enumerate(last)
        )
    )
    assert kit.state(TO4).state is State.DISPATCHED
    assert len(kit.trigger_ids) == 1
