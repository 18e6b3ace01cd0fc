"""The names of processors on the wire (behaviour R2)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters.config.policy_file import load_policy
from shared.core.policy.names import Named, Names, build_names, class_forms
from shared.core.policy.phases import Phase, Processor
from tests.policy_files import NBA

POLICY = load_policy(NBA)
NAMES = Names(POLICY)
PROCESSORS = [(phase, processor) for phase in POLICY.phases.values() for processor in phase.processors.values()]
ACCEPTED = [(phase.name, name) for phase in POLICY.phases.values() for name in sorted(build_names(phase))]

one_processor = st.sampled_from(PROCESSORS)
one_accepted = st.sampled_from(ACCEPTED)
snake = st.from_regex(r"[a-z][a-z0-9]{0,5}(_[a-z][a-z0-9]{0,5}){0,3}", fullmatch=True)


def camel(name: str) -> str:
    """Return a class name's middle, by another way than the code under test takes."""
    return "".join(part.capitalize() for part in name.split("_"))


@given(one_processor, st.data())
def test_every_class_form_means_its_processor(pair: tuple[Phase, Processor], data: st.DataObject) -> None:
    """[Async]CamelCase[Batch]Processor of a canonical name or an alias is that processor."""
    phase, processor = pair
    name = data.draw(st.sampled_from([processor.name, *processor.aliases]))
    stem = camel(name) if name.islower() else name
    stem = stem.removesuffix("Processor").removesuffix("Batch").removeprefix("Async")
    start, end = data.draw(st.sampled_from(["", "Async"])), data.draw(st.sampled_from(["", "Batch"]))
    assert NAMES.resolve(phase.name, f"{start}{stem}{end}Processor") == Named(processor.name)


@given(one_processor)
def test_canonical_names_aliases_and_tables_mean_their_processor(pair: tuple[Phase, Processor]) -> None:
    """The names of the policy file, and the table with and without its dataset, are accepted as they stand."""
    phase, processor = pair
    tables = [processor.table, processor.table.split(".")[1]] if processor.table else []
    for name in (processor.name, *processor.aliases, *tables):
        assert NAMES.resolve(phase.name, name) == Named(processor.name)


@given(one_accepted, st.data())
def test_near_misses_are_unknown(accepted: tuple[str, str], data: st.DataObject) -> None:
    """A changed capital, an accent or one letter more makes a stranger of every accepted name."""
    phase, name = accepted
    place = data.draw(st.sampled_from([i for i, letter in enumerate(name) if letter.isalpha()]))
    letter = name[place]
    near = data.draw(
        st.sampled_from(
            [
                f"{name[:place]}{letter.swapcase()}{name[place + 1 :]}",
                f"{name[: place + 1]}\u0301{name[place + 1 :]}",
                f"{name}x",
                f"x{name}",
            ]
        )
    )
    assert near in build_names(POLICY.phases[phase]) or NAMES.resolve(phase, near) is None


@pytest.mark.parametrize(
    "name", ["NbacGam\u00e9bookProcessor", "NBACGamebookProcessor", "NbacGamebooksProcessor", "FooProcessor", ""]
)
def test_strangers_are_unknown(name: str) -> None:
    """A name that nobody gave is None: never counted, never guessed."""
    assert NAMES.resolve("phase2", name) is None


@given(snake)
def test_a_name_and_its_class_have_the_same_forms(name: str) -> None:
    """The forms of a canonical name are those of each of its forms: Async and Batch come and go on both sides."""
    for form in class_forms(name):
        assert sorted(class_forms(form)) == sorted(class_forms(name))


@given(snake)
def test_there_are_four_forms(name: str) -> None:
    """Async and Batch are each there or not, and every form ends in Processor."""
    assert len(set(class_forms(name))) == 4
    assert all(form.endswith("Processor") for form in class_forms(name))


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("p2_odds_game_lines", "P2OddsGameLinesProcessor"),
        ("ml_feature_store_v2", "MlFeatureStoreV2Processor"),
        ("MLFeatureStoreProcessor", "MLFeatureStoreProcessor"),
        ("PredictionCoordinator", "PredictionCoordinatorProcessor"),
        ("AsyncOddsBatchProcessor", "OddsProcessor"),
        ("AsynchronousOddsProcessor", "AsynchronousOddsProcessor"),
        ("async_odds_batch", "OddsProcessor"),
        ("AsyncProcessor", "AsyncProcessor"),
        ("BatchProcessor", "BatchProcessor"),
        ("Processor", "ProcessorProcessor"),
    ],
)
def test_the_plain_class_form(name: str, plain: str) -> None:
    """The class without Async and Batch is the first form; a name that is nothing else keeps them."""
    assert class_forms(name)[0] == plain


@pytest.mark.parametrize("name", ["", "_odds", "3pt", "odds lines", "nba_raw.odds", "Gam\u00e9book"])
def test_what_is_no_word_has_no_class(name: str) -> None:
    """Class forms exist of words only; such an alias is accepted as it stands and no other way."""
    assert class_forms(name) == ()


TABLE = "odds_api_game_lines"
LINES = Named("p2_odds_game_lines", by_table=True)


@pytest.mark.parametrize(
    ("table", "dataset", "meant"),
    [
        (TABLE, "", LINES),
        (f"nba_raw.{TABLE}", "", LINES),
        (TABLE, "nba_raw", LINES),
        (f"nba_raw.{TABLE}", "nba_raw", LINES),
        (TABLE, "nba_analytics", None),
        (f"nba_raw.{TABLE}", "nba_analytics", None),
        (TABLE.upper(), "", None),
        ("player_game_summary", "", None),
        ("p2_odds_game_lines", "", None),
        ("", "nba_raw", None),
        ("", "", None),
    ],
)
def test_a_stranger_with_a_known_table_is_that_tables_processor(table: str, dataset: str, meant: Named | None) -> None:
    """Only a table of this phase, in the dataset named if one is, tells whose report a stranger sends."""
    assert NAMES.resolve("phase2", "FooProcessor", table, dataset) == meant


def test_a_known_name_is_not_judged_by_its_table() -> None:
    """The name decides where it is known, whatever table the message names."""
    assert NAMES.resolve("phase2", "p2_bigdataball_pbp", TABLE) == Named("p2_bigdataball_pbp")


def test_a_name_of_another_phase_is_known_there_only() -> None:
    """A processor on the wrong topic is unknown here, even with a table of this phase, and is found elsewhere."""
    assert NAMES.resolve("phase2", "PlayerGameSummaryProcessor", TABLE) is None
    assert NAMES.elsewhere("phase2", "PlayerGameSummaryProcessor") == "phase3"
    assert NAMES.elsewhere("phase3", "PlayerGameSummaryProcessor") is None
    assert NAMES.elsewhere("phase3", "FooProcessor") is None


def test_a_disabled_processor_is_known() -> None:
    """Disabled is neither expected nor unknown."""
    assert NAMES.resolve("phase2", "BdlPlayerBoxScoresProcessor") == Named("p2_bdl_box_scores")


def test_the_same_table_name_in_two_phases_is_told_apart_by_the_phase() -> None:
    """A table without its dataset means a processor within a phase only."""
    phase2 = POLICY.phases["phase2"]
    pbp = replace(phase2.processors["p2_bigdataball_pbp"], table="nba_raw.player_game_summary")
    processors = {**phase2.processors, pbp.name: pbp}
    names = Names(replace(POLICY, phases={**POLICY.phases, "phase2": replace(phase2, processors=processors)}))
    assert names.resolve("phase2", "player_game_summary") == Named("p2_bigdataball_pbp")
    assert names.resolve("phase3", "player_game_summary") == Named("player_game_summary")
