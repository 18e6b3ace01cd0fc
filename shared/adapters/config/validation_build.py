"""From the shape of the validation file to the values of the core, the SQL of each check written out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import time, timedelta
from pathlib import Path

from msgspec import UNSET

from shared.adapters.config.validation_schema import CheckSchema, ScheduleSchema, ValidationSchema
from shared.core.policy.config_error import ConfigError, suggest
from shared.core.policy.policy import Policy
from shared.core.validation.builtin_checks import BUILTINS, OptionKind
from shared.core.validation.checks import Check, Query, Schedule, Thresholds, Validation

_OFFSETS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_THRESHOLDS = ("warn_below", "fail_below", "warn_above", "fail_above", "warn_from", "fail_from")
_DURATION = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_PLACEHOLDER = re.compile(r"\$\{([^}]*)\}")
FIXTURES = ("passes.yaml", "fails.yaml")

Binding = Mapping[str, str]


class ValidationBuilder:
    """Builds the checks of one file; ``problems`` are what is wrong with them.

    ``folder`` holds the SQL files and, under ``checks/fixtures``, the fixtures; ``record`` is the record's dataset.
    """

    def __init__(self, policy: Policy, record: str, folder: Path) -> None:
        self.problems: list[ConfigError] = []
        self._policy, self._record, self._folder = policy, record, folder
        self._schedules: dict[str, Schedule] = {}

    def validation(self, schema: ValidationSchema, source: str) -> Validation:
        if schema.pipeline != self._policy.pipeline:
            hint = f"the policy is that of {self._policy.pipeline}: another file belongs to it"
            self._refuse("pipeline", f"is {schema.pipeline}", hint)
        self._schedules = {name: _schedule(name, schedule) for name, schedule in schema.schedules.items()}
        checks = {name: self._check(name, check) for name, check in schema.checks.items()}
        return Validation(schema.pipeline, self._schedules, checks, self._record, source)

    def _refuse(self, key: str, reason: str, hint: str) -> None:
        self.problems.append(ConfigError(key, reason, hint))

    def _check(self, name: str, schema: CheckSchema) -> Check:
        key = f"checks.{name}"
        check = Check(
            name=name,
            title=schema.title,
            category=schema.category,
            severity=schema.severity,
            schedules=tuple(schema.schedules),
            thresholds=Thresholds(**_thresholds(schema)),
            needs_units=schema.needs_units,
            nothing=schema.nothing,
            due=time.fromisoformat(schema.due) if isinstance(schema.due, str) else None,
            unit=schema.unit or "",
            table=self._table(schema.table or ""),
            sql=schema.sql or "",
            queries=self._queries(key, schema),
            days=schema.days or 0,
            builtin=schema.builtin or "",
            options=self._options(key, schema),
        )
        self._judgeable(key, check, schema)
        self._reachable(key, check)
        self._fixtures(key, name)
        return check

    def _table(self, name: str) -> str:
        """Return a table's name; the record's are in the file under the name its dataset has by default."""
        default = f"{self._policy.pipeline}_orchestration."
        return f"{self._record}.{name.removeprefix(default)}" if name.startswith(default) else name

    def _judgeable(self, key: str, check: Check, schema: CheckSchema) -> None:
        """Refuse a check that nothing measures or that no measure can fail."""
        if bool(check.sql) == bool(check.builtin):
            self._refuse(key, "has to name either sql or builtin", "sql: checks/NAME.sql, or builtin: NAME")
        if check.builtin and (schema.each or schema.columns):
            self._refuse(f"{key}.each", "repeats SQL, and this check has none", "leave it out")
        if check.days and schema.each != "tables":
            self._refuse(f"{key}.days", "is said of SQL that is repeated for each table", "leave it out")
        if not check.thresholds.can_fail:
            self._refuse(key, "can never fail", "give it fail_below, fail_above or fail_from")
        limits = check.thresholds
        for warn, fail, sign in (("warn_below", "fail_below", 1), ("warn_above", "fail_above", -1)):
            low, high = getattr(limits, fail), getattr(limits, warn)
            if low is not None and high is not None and (high - low) * sign < 0:
                self._refuse(f"{key}.{warn}", f"is past {fail}, so it would never warn", "swap the two")

    def _reachable(self, key: str, check: Check) -> None:
        """Refuse a schedule that is unknown, or that always comes before the check is due."""
        for place, name in enumerate(check.schedules):
            schedule = self._schedules.get(name)
            if schedule is None:
                self._refuse(f"{key}.schedules[{place}]", f"unknown schedule {name}", suggest(name, self._schedules))
            elif check.due is not None and schedule.day_offset == 0 and check.due > schedule.at:
                when = f"{name} runs at {schedule.at:%H:%M}, before the check is due at {check.due:%H:%M}"
                self._refuse(f"{key}.schedules[{place}]", f"never judges it: {when}", "take the schedule out")
        if len(set(check.schedules)) < len(check.schedules):
            self._refuse(f"{key}.schedules", "names a schedule twice", "keep one of the two")

    def _fixtures(self, key: str, name: str) -> None:
        folder = self._folder / "checks" / "fixtures" / name
        for file in FIXTURES:
            if not (folder / file).is_file():
                hint = f"write checks/fixtures/{name}/{file}: what the check {file.removesuffix('.yaml')}"
                self._refuse(key, f"has no fixture {file}: nobody has seen what it does", hint)

    def _options(self, key: str, schema: CheckSchema) -> dict[str, object]:
        given = dict(schema.options or {})
        if not schema.builtin:
            if given:
                self._refuse(f"{key}.options", "are for a builtin", "leave them out")
            return {}
        if schema.builtin not in BUILTINS:
            self._refuse(f"{key}.builtin", f"unknown builtin {schema.builtin}", suggest(schema.builtin, BUILTINS))
            return {}
        declared = BUILTINS[schema.builtin]
        for name in given.keys() - declared.keys():
            self._refuse(f"{key}.options.{name}", "there is no such option", suggest(name, declared))
        options = {name: given.get(name, option.default) for name, option in declared.items()}
        return {
            name: self._option(f"{key}.options.{name}", declared[name].kind, value) for name, value in options.items()
        }

    def _option(self, key: str, kind: OptionKind, text: str | None) -> object:
        if text is None:
            self._refuse(key, "is missing", f"add it: {kind.value}")
        elif kind is OptionKind.TRANSITION:
            if text not in self._policy.transitions:
                self._refuse(key, f"unknown transition {text}", suggest(text, self._policy.transitions))
        else:
            spelt = _DURATION.fullmatch(text)
            if spelt is not None:
                return timedelta(seconds=int(spelt[1]) * _UNITS[spelt[2]])
            self._refuse(key, f"expected a duration, got {text!r}", "such as 90s, 15m, 2h")
        return text

    def _queries(self, key: str, schema: CheckSchema) -> tuple[Query, ...]:
        if not schema.sql:
            return ()
        path = self._folder / schema.sql
        if not path.is_file():
            self._refuse(f"{key}.sql", f"there is no file {schema.sql}", f"write it as {path}")
            return ()
        text = path.read_text(encoding="utf-8")
        if schema.each and schema.columns:
            self._refuse(f"{key}.columns", "each stands beside it", "keep one of the two")
        bindings = list(self._bindings(key, schema))
        for placeholder in set(_PLACEHOLDER.findall(text)) - {"record", *(bindings[0] if bindings else ())}:
            hint = suggest(placeholder, {"record", *(bindings[0] if bindings else ())})
            self._refuse(f"{key}.sql", f"{schema.sql} has an unknown placeholder ${{{placeholder}}}", hint)
            return ()
        each = schema.each == "tables"
        return tuple(
            Query(
                binding.get("subject", ""),
                self._written_out(text, binding),
                binding["table"] if each else "",
                binding["date_column"] if each else "",
            )
            for binding in bindings
        )

    def _written_out(self, text: str, binding: Binding) -> str:
        """Put the names in: they come from checked files, for names cannot be parameters."""
        names = {"record": self._record, **binding}
        return _PLACEHOLDER.sub(lambda match: names[match[1]], text).strip().rstrip(";")

    def _bindings(self, key: str, schema: CheckSchema) -> Iterable[Binding]:
        if schema.columns:
            return [self._column(f"{key}.columns[{place}]", column) for place, column in enumerate(schema.columns)]
        if schema.each == "tables":
            return self._table_names()
        if schema.each == "transitions":
            return [
                {
                    "subject": transition.name,
                    "transition": transition.name,
                    "after": ", ".join(transition.after),
                    "starts": transition.starts,
                }
                for transition in self._policy.transitions.values()
            ]
        if schema.each == "phases":
            return [{"subject": name, "phase": name} for name in self._policy.phases]
        if schema.each == "schedules":
            return [{"subject": name, "schedule": name} for name in self._schedules]
        return [{}]

    def _table_names(self) -> Iterator[Binding]:
        """Yield the table of each processor that is not disabled; two of the same table are one."""
        seen = set()
        for phase in self._policy.phases.values():
            parts = ((processor, part) for processor in phase.processors.values() for part in processor.parts)
            for processor, part in parts:
                if part.table is None or processor.disabled is not None or part.table in seen:
                    continue
                seen.add(part.table)
                yield {
                    "subject": part.name,
                    "processor": processor.name,
                    "phase": phase.name,
                    "table": part.table,
                    "date_column": part.date_column,
                }

    def _column(self, key: str, text: str) -> Binding:
        """Return the names of a column; its table's date column is the policy's."""
        table, column = text.rsplit(".", 1)
        dated = {
            processor.table: processor.date_column
            for phase in self._policy.phases.values()
            for processor in phase.processors.values()
        }
        if table not in dated:
            self._refuse(key, f"no processor writes {table}", suggest(table, [name for name in dated if name]))
        return {"subject": text, "table": table, "column": column, "date_column": dated.get(table, "game_date")}


def _thresholds(schema: CheckSchema) -> dict[str, float]:
    return {name: value for name in _THRESHOLDS if (value := getattr(schema, name)) is not UNSET}


def _schedule(name: str, schema: ScheduleSchema) -> Schedule:
    day = schema.working_day or "today"
    return Schedule(name, time.fromisoformat(schema.at), _OFFSETS[schema.date], _OFFSETS[day])
