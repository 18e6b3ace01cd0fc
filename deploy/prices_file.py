"""Loading deploy/prices.yaml: YAML to its shape, the shape to prices and quotas, none missing and none unknown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from deploy.manifest import ROOT
from shared.adapters.config.locate_errors import locate_errors
from shared.adapters.config.schema_types import END, Schema, Text
from shared.adapters.config.strict_yaml import read_yaml
from shared.core.costs.price import DAYS, Item, Limit, Price, PriceList, Quota
from shared.core.errors import PolicyError
from shared.core.policy.config_error import ConfigError, suggest

PRICES = ROOT / "deploy" / "prices.yaml"

Amount = Annotated[float, Meta(ge=0, description="a number from 0 on", examples=[0.036])]
More = Annotated[float, Meta(gt=0, description="a number above 0", examples=[100000])]
Page = Annotated[str, Meta(pattern="^https://[^ ]+" + END, description="the address of a page")]
Day = Annotated[date, Meta(description="a date", examples=["2026-01-28"])]


class PriceSchema(Schema):
    usd: Amount
    per: More
    unit: Text
    source: Page
    free: Amount = 0.0
    every: Literal["day", "month"] = "month"
    confirmed: bool = True
    note: str = ""


class QuotaSchema(Schema):
    limit: More
    unit: Text
    source: Page
    soft: bool = False
    confirmed: bool = True
    note: str = ""


class PricesSchema(Schema):
    """The file deploy/prices.yaml."""

    currency: Literal["USD"]
    region: Text
    taken: Day
    prices: dict[str, PriceSchema]
    quotas: dict[str, QuotaSchema]


def load_prices(path: Path = PRICES) -> PriceList:
    """Return the prices and quotas of a file; raise ``PolicyError`` for the first problem, the others in its hint."""
    raw, problems = read_yaml(path)
    _refuse(path, problems)
    _refuse(path, list(locate_errors(raw, PricesSchema)))
    shaped = msgspec.convert(raw, PricesSchema)
    _refuse(path, [*_names("prices", shaped.prices, Item), *_names("quotas", shaped.quotas, Limit), *_values(shaped)])
    return PriceList(
        shaped.region,
        shaped.taken,
        {item: _price(shaped.prices[item]) for item in Item},
        {limit: _quota(shaped.quotas[limit]) for limit in Limit},
        str(path),
    )


def _price(price: PriceSchema) -> Price:
    free = price.free * (DAYS if price.every == "day" else 1)
    return Price(price.usd, price.per, price.unit, free, price.source, price.confirmed, price.note)


def _quota(quota: QuotaSchema) -> Quota:
    return Quota(quota.limit, quota.unit, quota.source, quota.soft, quota.confirmed, quota.note)


def _names(key: str, given: Iterable[str], known_names: Sequence[str] | type[Item] | type[Limit]) -> list[ConfigError]:
    """Refuse a name that the model does not know, and miss each that it needs."""
    names = [str(name) for name in known_names]
    unknown = [
        ConfigError(f"{key}.{name}", "is not known", suggest(name, names)) for name in given if name not in names
    ]
    lacking = [name for name in names if name not in set(given)]
    return unknown + [ConfigError(f"{key}.{name}", "is missing", "orch cost calculates with it") for name in lacking]


def _values(shaped: PricesSchema) -> list[ConfigError]:
    """Refuse what is no number, and a doubt that says nothing of what is used instead."""
    problems = []
    for name, price in shaped.prices.items():
        for key, value in (("usd", price.usd), ("per", price.per), ("free", price.free)):
            if not isfinite(value):
                problems.append(ConfigError(f"prices.{name}.{key}", f"is {value}", "write a number"))
    for name, quota in shaped.quotas.items():
        if not isfinite(quota.limit):
            problems.append(ConfigError(f"quotas.{name}.limit", f"is {quota.limit}", "write a number"))
    for key, listed in (("prices", shaped.prices), ("quotas", shaped.quotas)):
        for name, entry in listed.items():
            if not entry.confirmed and not entry.note:
                hint = "add note: what the number is instead"
                problems.append(ConfigError(f"{key}.{name}", "is not confirmed, and does not say what it is", hint))
    return problems


def _refuse(path: Path, problems: Sequence[ConfigError]) -> None:
    if not problems:
        return
    first, *others = dict.fromkeys(problems)
    lines = "".join(f"\n    {other.key}: {other.reason} (hint: {other.hint})" for other in others)
    hint = first.hint + (f"\n  {len(others)} more:{lines}" if others else "")
    raise PolicyError(str(path), first.key, first.reason, hint)
