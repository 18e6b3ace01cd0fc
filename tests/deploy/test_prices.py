"""deploy/prices.yaml: what is refused, each with its key, a reason and a hint; and what a price comes to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.prices_file import PRICES, load_prices
from shared.core.costs.price import DAYS, Item, Limit, Price
from shared.core.errors import PolicyError
from tests.policy_files import GONE, edit

REFUSED: dict[str, tuple[dict[str, Any], str, str, str]] = {
    "a price that is missing": (
        {"prices/run_cpu": GONE}, "prices.run_cpu", "is missing", "orch cost calculates with it"
    ),
    "a price nobody asks for": (
        {"prices/firestore_read": {"usd": 1, "per": 1, "unit": "reads", "source": "https://x"}},
        "prices.firestore_read", "is not known", "did you mean firestore_reads?",
    ),
    "a price without its page": ({"prices/run_cpu/source": GONE}, "prices.run_cpu.source", "is missing", "add it"),
    "a page that is no address": (
        {"prices/run_cpu/source": "the console"}, "prices.run_cpu.source", "expected the address of a page", "such as"
    ),
    "a price below nothing": ({"prices/run_cpu/usd": -1}, "prices.run_cpu.usd", "expected a number from 0 on", "such"),
    "a price for none": ({"prices/run_cpu/per": 0}, "prices.run_cpu.per", "expected a number above 0", "such as"),
    "a price that is no number": (
        {"prices/run_cpu/usd": float("inf")}, "prices.run_cpu.usd", "is no number", "write a number"
    ),
    "a free amount each week": (
        {"prices/run_cpu/every": "week"}, "prices.run_cpu.every", "expected one of day, month", "one of day, month"
    ),
    "another currency": ({"currency": "EUR"}, "currency", "expected one of USD, got 'EUR'", "one of USD"),
    "a day that is none": ({"taken": "lately"}, "taken", "expected a date, got 'lately'", "such as 2026-01-28"),
    "a quota that is missing": ({"quotas/slots": GONE}, "quotas.slots", "is missing", "orch cost calculates with it"),
    "a quota of nothing": ({"quotas/slots/limit": 0}, "quotas.slots.limit", "expected a number above 0", "such as"),
    "a doubt that says nothing": (
        {"quotas/pushed/note": GONE}, "quotas.pushed", "is not confirmed, and does not say what it is", "add note"
    ),
    "a key that means nothing": ({"prices/run_cpu/cost": 1}, "prices.run_cpu.cost", "there is no such key", "one of"),
}  # fmt: skip


def changed(folder: Path, changes: dict[str, Any]) -> Path:
    path = folder / "prices.yaml"
    path.write_text(yaml.safe_dump(edit(yaml.safe_load(PRICES.read_text()), changes)))
    return path


@pytest.mark.parametrize("case", REFUSED, ids=list(REFUSED))
def test_a_mistake_is_refused(case: str, tmp_path: Path) -> None:
    """The first problem is named with file, key, reason and hint."""
    changes, key, reason, hint = REFUSED[case]
    path = changed(tmp_path, changes)
    with pytest.raises(PolicyError) as refused:
        load_prices(path)
    assert (refused.value.path, refused.value.key) == (str(path), key)
    assert reason in refused.value.reason
    assert hint in refused.value.hint


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """The others stand in the hint of the first."""
    with pytest.raises(PolicyError, match="1 more"):
        load_prices(changed(tmp_path, {"prices/run_cpu": GONE, "quotas/slots": GONE}))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """Named with what to do."""
    with pytest.raises(PolicyError, match=r"cannot be read.*\n  hint: check the path"):
        load_prices(tmp_path / "prices.yaml")


def test_the_file_in_force_is_whole() -> None:
    """Every item and every limit is there, and what nobody could confirm is marked."""
    prices = load_prices()
    assert set(prices.prices) == set(Item)
    assert set(prices.quotas) == set(Limit)
    assert "bigquery_scanned" in prices.unconfirmed
    assert "firestore_reads" not in prices.unconfirmed
    assert prices.prices[Item.READS].free == 50_000 * DAYS


@pytest.mark.parametrize(
    ("used", "free", "usd"), [(0, True, 0), (100, True, 0), (101, True, 0.02), (100, False, 2.0), (1100, True, 20.0)]
)
def test_what_is_free_is_free_once(used: float, free: bool, usd: float) -> None:
    """Below the free amount nothing, above it only what is more; without it everything."""
    price = Price(2.0, 100, "reads", 100, "https://x")
    assert price.charge(used, free=free) == pytest.approx(usd)
