"""Random mutations of the reference policy: it loads or is refused, and nothing else ever happens."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.policy_files import NBA, nba, outcome, write

Path_ = tuple[str | int, ...]


def paths(value: Any, above: Path_ = ()) -> list[Path_]:
    """Return the path of everything in the policy."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path for key, item in items for path in [(*above, key), *paths(item, (*above, key))]]


EVERYWHERE = paths(nba())
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.dates()
    | st.sampled_from(
        ["0s", "999999d", "10:00", "any_mode", "overnight", "phase2", "rows", "percent", "http", "trigger"]
    )
)
junk = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)
REFERENCE = nba()
elsewhere = st.sampled_from(EVERYWHERE).map(lambda path: copy.deepcopy(at(REFERENCE, path)))
mutations = st.lists(
    st.tuples(st.sampled_from(EVERYWHERE), st.sampled_from(["delete", "replace", "rename"]), junk | elsewhere),
    min_size=1,
    max_size=3,
)


def at(value: Any, path: Path_) -> Any:
    for part in path:
        value = value[part]
    return value


def mutate(policy: dict[str, Any], path: Path_, how: str, value: Any) -> None:
    """Do one mutation; where an earlier one removed the place, none."""
    try:
        target = at(policy, path[:-1])
        if how == "replace":
            target[path[-1]] = value
        else:
            removed = target.pop(path[-1])
            if how == "rename" and isinstance(target, dict):
                target[f"{path[-1]}s"] = removed
    except (KeyError, IndexError, TypeError, AttributeError):
        return


@settings(max_examples=200, deadline=None)
@given(mutations)
def test_a_mutated_policy_loads_or_is_refused_with_a_key(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[Path_, str, Any]]
) -> None:
    """Whatever is deleted, renamed or replaced: the policy loads, or a PolicyError names the key and has a hint."""
    policy = nba()
    for path, how, value in changes:
        mutate(policy, path, how, value)
    file = write(tmp_path_factory.getbasetemp(), policy)
    error = outcome(file)
    assert error is None or (error.path == str(file) and error.key and error.reason and error.hint)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(EVERYWHERE), junk)
def test_any_overlay_loads_or_is_refused_with_a_key(path: Path_, value: Any) -> None:
    """Whatever an overlay puts anywhere, values that YAML cannot even write included: the same holds."""
    overlay: Any = value
    for part in reversed(path):
        overlay = {part: overlay}
    error = outcome(NBA, overlay)
    assert error is None or (error.path.endswith(" + policy overlay") and error.key and error.reason and error.hint)
