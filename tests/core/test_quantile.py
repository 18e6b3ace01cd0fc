"""The quantile is numpy's default one, and never outside the sample (behaviour T11)."""

from __future__ import annotations

from datetime import timedelta

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core.learning.quantile import duration_quantile, median, quantile

values = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60)
places = st.floats(0, 1)


@given(values, places)
def test_it_is_what_numpy_says(sample: list[float], q: float) -> None:
    """Type 7 of Hyndman and Fan, numpy's `linear`, for any sample in any order."""
    assert quantile(sample, q) == pytest.approx(float(numpy.quantile(sample, q, method="linear")), rel=1e-9, abs=1e-5)


@given(values, places, places)
def test_it_rises_and_stays_within_the_sample(sample: list[float], first: float, second: float) -> None:
    low, high = quantile(sample, min(first, second)), quantile(sample, max(first, second))
    assert min(sample) <= low <= max(sample)
    # Between two places of one gap rounding may differ by the last bit.
    assert low <= high or low == pytest.approx(high)


@given(values)
def test_its_ends_and_its_middle(sample: list[float]) -> None:
    assert (quantile(sample, 0), quantile(sample, 1)) == (min(sample), max(sample))
    assert median(sample) == pytest.approx(float(numpy.median(sample)), rel=1e-9, abs=1e-5)


def test_the_example_of_the_pages() -> None:
    """Of 1 to 20 the 0.95 quantile lies at place 18.05: 0.05 of the way from 19 to 20."""
    assert quantile(range(1, 21), 0.95) == pytest.approx(19.05)
    assert duration_quantile([timedelta(minutes=n) for n in range(1, 21)], 0.95) == timedelta(minutes=19, seconds=3)


@pytest.mark.parametrize(("sample", "q"), [([], 0.5), ([1.0], -0.1), ([1.0], 1.1)])
def test_what_has_no_quantile(sample: list[float], q: float) -> None:
    with pytest.raises(ValueError, match="quantile"):
        quantile(sample, q)
