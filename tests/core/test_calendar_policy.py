"""What a policy may say of its calendar, and what it is refused for."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from shared.adapters.config.policy_file import load_policy
from shared.core.errors import PolicyError
from shared.core.policy.names import Named, Names, source_of
from shared.core.policy.phases import Need, Processor, Reports
from shared.core.policy.policy import Calendar, Excluded, Policy

TIDES = Path(__file__).resolve().parents[1] / "pipelines" / "bakery.yaml"
PLAIN: dict[str, Any] = {"unit": "tide", "table": "sea.tides", "date_column": "day", "status_column": "state"}
LISTED = {"table": "sea.calm", "date_column": "day"}


def calendar(**keys: Any) -> Calendar:
    policy = load_policy(TIDES, {"calendar": None})
    assert policy.calendar is None
    policy = load_policy(TIDES, {"calendar": PLAIN | keys})
    assert policy.calendar is not None
    return policy.calendar


def test_a_calendar_says_where_units_stand() -> None:
    """Every key becomes what the core reads; what is left out is absent, and a list without keys has the calendar's."""
    excluded = {"when": "height IS NULL", **LISTED}
    loaded_calendar = calendar(
        unit_key="port", final="state = 'low'", start_column="begins", presumed_final_after="6h",
        excluded=excluded, reaches_back="365d", read_every="1h",
    )  # fmt: skip
    assert loaded_calendar == Calendar(
        "tide", "sea.tides", "day", "state", (), "Final", "port", "state = 'low'", "begins", timedelta(hours=6),
        Excluded("height IS NULL", "sea.calm", "day"), timedelta(days=365), timedelta(hours=1),
    )  # fmt: skip
    assert calendar().excluded is None
    assert calendar().unit_key == ""


REFUSED: dict[str, tuple[dict[str, Any], str, str]] = {
    "nothing says when a unit begins": ({"presumed_final_after": "6h"}, "presumed_final_after", "when a unit begins"),
    "presumed over at once": (
        {"presumed_final_after": "0h", "start_column": "begins"},
        "presumed_final_after",
        "longer",
    ),
    "no reach": ({"reaches_back": "0d"}, "reaches_back", "longer"),
    "read without end": ({"read_every": "0m"}, "read_every", "longer than nothing"),
    "a reading for a day": ({"read_every": "7h"}, "read_every", "longer than a run should go by"),
    "a list without a date": (
        {"excluded": {"table": "sea.calm", "unit_key": "port"}},
        "excluded.date_column",
        "missing",
    ),
    "a list without a key": ({"excluded": LISTED}, "excluded.unit_key", "missing"),
    "a list whose key the calendar lacks": (
        {"excluded": LISTED | {"unit_key": "p"}},
        "excluded.calendar_key",
        "missing",
    ),
    "a key without a list": ({"excluded": {"when": "x", "unit_key": "port"}}, "excluded.unit_key", "no table"),
    "nothing excluded": ({"excluded": {}}, "excluded", "excludes nothing"),
    "a statement": ({"unit_key": "port; DROP TABLE x"}, "unit_key", "; ends it"),
    "a comment": ({"final": "TRUE -- always"}, "final", "- ends it"),
    "a bracket too many": ({"final": "state = 'low')"}, "final", ") closes nothing"),
    "a bracket too few": ({"unit_key": "CONCAT(port, '(')["}, "unit_key", "] is missing"),
    "an open text": ({"excluded": {"when": "state = 'low"}}, "excluded.when", "' is not closed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_calendar_is_refused_with_its_key(case: str) -> None:
    """What cannot be meant is refused where it stands."""
    keys, key, reason = REFUSED[case]
    with pytest.raises(PolicyError) as caught:
        calendar(**keys)
    assert caught.value.key == f"calendar.{key}"
    assert reason in caught.value.reason


def test_brackets_and_signs_inside_a_text_are_text() -> None:
    """Only what stands outside quotes can end an expression."""
    expression = "CONCAT(port, ';--)]', \"(\", `odd]name`)"
    assert calendar(unit_key=expression).unit_key == expression


SOURCE = "PlayersProcessor"


def with_processor(**keys: Any) -> Policy:
    """Return the bakery's policy with these keys of one of its processors."""
    plain = load_policy(TIDES)
    phase = next(iter(plain.phases.values()))
    name = next(iter(phase.processors))
    return load_policy(TIDES, {"calendar": PLAIN, "phases": {phase.name: {"processors": {name: keys}}}})


def processor(policy: Policy) -> Processor:
    return next(iter(next(iter(policy.phases.values())).processors.values()))


def test_sources_are_jobs_with_tables_and_floors_of_their_own() -> None:
    """Any floor key may stand in a source; the processor is done by any of them where nothing else is said."""
    source = {
        "table": "sea.players",
        "min_records_per_unit": 20,
        "min_records": 5,
        "units": "port",
        "reports": "per_unit",
    }
    loaded_processor = processor(with_processor(sources={SOURCE: source}))
    assert loaded_processor.need is Need.ANY
    job = loaded_processor.sources[SOURCE]
    assert job.name == f"{loaded_processor.name}/{SOURCE}"
    assert (job.table, job.min_records_per_unit, job.min_records, job.units) == ("sea.players", 20, 5, "port")
    assert job.reports is Reports.PER_UNIT


@pytest.mark.parametrize(
    ("keys", "key", "reason"),
    [
        ({"units": "port;", "table": "sea.players"}, "units", "; ends it"),
        ({"units": "port", "table": None}, "units", "no table"),
        ({"reports": "per_unit", "table": None}, "reports", "nothing says"),
        ({"need": "all"}, "need", "no sources"),
        ({"sources": {SOURCE: {"units": "port"}}}, f"sources.{SOURCE}.units", "no table"),
        ({"sources": {SOURCE: {"reports": "per_unit"}}}, f"sources.{SOURCE}.reports", "nothing says"),
    ],
)
def test_units_and_sources_are_refused_with_their_key(keys: dict[str, Any], key: str, reason: str) -> None:
    """What no table can answer is refused where it stands."""
    with pytest.raises(PolicyError) as caught:
        with_processor(**keys)
    assert caught.value.key.endswith(f".{key}")
    assert reason in caught.value.reason


@pytest.mark.parametrize(
    ("name", "table", "dataset", "source"),
    [
        (SOURCE, "", "", SOURCE),
        ("Players", "", "", ""),
        ("AsyncPlayersBatchProcessor", "", "", SOURCE),
        ("else", "players", "sea", SOURCE),
        ("else", "sea.players", "", SOURCE),
        ("sea.players", "", "", SOURCE),
        ("else", "", "", ""),
    ],
)
def test_a_source_is_known_by_its_name_or_its_table(name: str, table: str, dataset: str, source: str) -> None:
    """Exact, as a class form, or by the table that a message names; anything else is the processor as a whole."""
    policy = with_processor(sources={SOURCE: {"table": "sea.players"}})
    assert source_of(processor(policy), name, table, dataset) == source
    if source:
        meant = Names(policy).look_up(next(iter(policy.phases)), name, table, dataset)
        assert isinstance(meant, Named)
        assert meant.processor == processor(policy).name
