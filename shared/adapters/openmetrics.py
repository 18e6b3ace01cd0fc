"""Metrics in the formats of Prometheus, written by its own client library (behaviour 11).

Asked for OpenMetrics (`application/openmetrics-text`) that is what is answered, else the text format 0.0.4, which has
neither gauge histograms nor state sets: the library writes them there as what they are closest to.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeHistogramMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    StateSetMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from shared.core.reporting.metrics import Distribution, Family, MetricKind, Sample

OPENMETRICS = "application/openmetrics-text"


class FamilyCollector(Collector):
    """What a registry asks for its metrics: those of one answer, made before it was asked."""

    def __init__(self, families: Sequence[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return [_metric(family) for family in self._families if family.samples]


def exposition(families: Sequence[Family], accept: str) -> tuple[str, str]:
    """Return metrics as text, and its content type, in the format that an Accept header asks for."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(FamilyCollector(families))
    if _accepts(accept, OPENMETRICS):
        written: bytes = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]
        return written.decode("utf-8"), openmetrics.CONTENT_TYPE_LATEST
    return generate_latest(registry).decode("utf-8"), CONTENT_TYPE_PLAIN_0_0_4


def _accepts(accept: str, content_type: str) -> bool:
    """True where an Accept header names a type and does not rule it out. The library's own negotiation raises on a
    version that is no version."""
    for part in accept.lower().split(","):
        name, *parameters = (text.replace(" ", "") for text in part.split(";"))
        if name == content_type and not any(re.fullmatch(r"q=0(\.0*)?", text) for text in parameters):
            return True
    return False


def _metric(family: Family) -> Metric:
    names = list(dict.fromkeys(name for sample in family.samples for name in sample.labels))
    match family.kind:
        case MetricKind.GAUGE:
            gauge = GaugeMetricFamily(family.name, family.help, labels=names, unit=family.unit)
            for sample in family.samples:
                gauge.add_metric(_values(names, sample), _number(sample))
            return gauge
        case MetricKind.COUNTER:
            counter = CounterMetricFamily(family.name, family.help, labels=names, unit=family.unit)
            for sample in family.samples:
                counter.add_metric(_values(names, sample), _number(sample))
            return counter
        case MetricKind.STATE_SET:
            states = StateSetMetricFamily(family.name, family.help, labels=names)
            for sample in family.samples:
                states.add_metric(_values(names, sample), dict(_states(sample)))
            return states
        case MetricKind.GAUGE_HISTOGRAM | MetricKind.HISTOGRAM:
            made = GaugeHistogramMetricFamily if family.kind is MetricKind.GAUGE_HISTOGRAM else HistogramMetricFamily
            histogram = made(family.name, family.help, labels=names, unit=family.unit)
            for sample in family.samples:
                value = _distribution(sample)
                bounds = [*(str(bound) for bound in value.bounds), "+Inf"]
                buckets = list(zip(bounds, map(float, value.cumulated), strict=True))
                histogram.add_metric(_values(names, sample), buckets, value.total)
            return histogram


def _values(names: Sequence[str], sample: Sample) -> list[str]:
    return [sample.labels[name] for name in names]


def _number(sample: Sample) -> float:
    assert isinstance(sample.value, float)
    return sample.value


def _distribution(sample: Sample) -> Distribution:
    assert isinstance(sample.value, Distribution)
    return sample.value


def _states(sample: Sample) -> Mapping[str, bool]:
    assert isinstance(sample.value, Mapping)
    return sample.value
