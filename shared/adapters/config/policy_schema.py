"""The shape of the policy file: which keys there are, and what may stand behind them.

A key that the file leaves out is UNSET here: the defaults are those of the core.
Where null is allowed it means "none", so that a policy overlay can take a key back.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from shared.adapters.config.alert_schema import AlertsSchema, LinksSchema
from shared.adapters.config.anomaly_schema import AnomaliesSchema
from shared.adapters.config.batch_schema import BatchSchema
from shared.adapters.config.calendar_schema import CalendarSchema
from shared.adapters.config.mode_schema import ModeSchema
from shared.adapters.config.phase_schema import PhaseSchema
from shared.adapters.config.schema_types import Day, Duration, Name, Schema, Share, Text, Times
from shared.adapters.config.service_schema import ServiceSchema
from shared.adapters.config.signal_schema import SignalSchema
from shared.adapters.config.slo_schema import SlosSchema
from shared.adapters.config.transition_schema import GateSchema, TransitionSchema
from shared.adapters.config.wire_schema import WireSchema


class RepairsSchema(Schema):
    """When self-heal asks a phase to run again.

    - `max_attempts`: how often it asks for one phase and date
    - `cooldown`: how long it waits between two attempts
    - `refuse_above_missing_percent`: with a larger share of the expected missing nothing is repaired: something
      larger is wrong
    - `refuse_above_items`: that share counts only where more than so many are expected
    - `per_day`: so many repairs of past dates, whose runs are closed, are accepted on one day at most; 20 where left
      out, and with 0 no run is repaired once it is closed
    """

    max_attempts: int
    cooldown: Duration
    refuse_above_missing_percent: Share
    refuse_above_items: Times | UnsetType = UNSET
    modes: Annotated[
        list[Name] | UnsetType | None,
        Meta(description="the modes repaired after their working day too; those of past dates where left out"),
    ] = UNSET
    per_day: Times | UnsetType = UNSET


class PauseSchema(Schema, rename={"from_": "from"}):
    """A pause that is known beforehand: nothing of its scope is opened or dispatched in it.

    - `reason`: why, for whoever asks
    """

    from_: Annotated[Day, Meta(description="the local date with whose first instant it begins")]
    until: Annotated[Day, Meta(description="the local date with whose first instant it is over")]
    reason: Text
    mode: Annotated[Name | UnsetType | None, Meta(description="the mode that is paused; left out, every one")] = UNSET
    transition: Annotated[
        Name | UnsetType | None, Meta(description="the transition that is paused; left out, whole runs")
    ] = UNSET


class PolicySchema(Schema):
    """A pipeline file such as config/nba.yaml.

    - `pipeline`: its name: part of every run id, trigger id and alert
    - `timezone`: the zone of its dates and times of day, such as `America/New_York`
    - `modes`: the passes over a date, by name
    - `phases`: the phases, by name, in order
    - `transitions`: what is waited for and what is then started, by name
    - `alerts`: who hears what
    - `repairs`: when self-heal asks a phase to run again
    - `calendar`: what there is to do on a date; none: every date has work
    - `services`: services that are asked and called, by name
    - `gates`: conditions on the data, by name
    - `claim_lease`: how long one instance alone may send a trigger; longer than the longest call
    - `wire`: the dialect of the messages
    - `links`: where alerts lead
    - `batches`: phases whose members are known only when they start, by name
    - `signals`: messages of other systems that mean a completion, by name
    - `anomalies`: what is told of nights that are unusual
    - `slos`: service level objectives; those that hold by default where left out
    """

    pipeline: Name
    timezone: Text
    modes: Annotated[dict[Name, ModeSchema], Meta(min_length=1)]
    phases: Annotated[dict[Name, PhaseSchema], Meta(min_length=1)]
    transitions: Annotated[dict[Name, TransitionSchema], Meta(min_length=1)]
    alerts: AlertsSchema
    repairs: RepairsSchema
    calendar: CalendarSchema | UnsetType | None = UNSET
    services: dict[Name, ServiceSchema] | UnsetType = UNSET
    gates: dict[Name, GateSchema] | UnsetType = UNSET
    claim_lease: Duration | UnsetType = UNSET
    wire: WireSchema | UnsetType | None = UNSET
    pauses: Annotated[list[PauseSchema] | UnsetType | None, Meta(description="pauses that are known beforehand")] = (
        UNSET
    )
    batches: dict[Name, BatchSchema] | UnsetType | None = UNSET
    links: LinksSchema | UnsetType | None = UNSET
    signals: dict[Name, SignalSchema] | UnsetType | None = UNSET
    anomalies: AnomaliesSchema | UnsetType | None = UNSET
    slos: SlosSchema | UnsetType = UNSET
