"""Loading the policy file: YAML to its shape, the shape to core values, the values checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from shared.adapters.config.batch_build import files_of, with_texts
from shared.adapters.config.policy_build import Builder
from shared.adapters.config.policy_schema import PolicySchema
from shared.adapters.config.strict_yaml import merged, read_yaml, with_lines
from shared.core.errors import PolicyError
from shared.core.policy.idle import idle
from shared.core.policy.policy import Policy
from shared.core.policy.policy_check import ConfigError, problems
from shared.documents import converted

VERSION_DIGITS = 12
CONFIG = Path(__file__).resolve().parents[3] / "config"


def load_policy(path: Path, overlay: Mapping[str, Any] | None = None) -> Policy:
    """Return the policy of a file, with an overlay laid over its mapping.

    Raises PolicyError for the first problem, the others listed in its hint, each with its line. SQL files
    are looked for in `config/`, the folder that a function is deployed with, and nowhere else.
    """
    raw = read_policy(path, overlay)
    source = str(path) if overlay is None or overlay == {} else f"{path} + policy overlay"
    builder = Builder()
    policy = builder.policy(_shaped(raw, path, source), source)
    if policy is None:
        refuse(source, placed(path, source, builder.problems))
        raise AssertionError("a builder that yields no policy names a problem")
    policy = replace(policy, batches=with_texts(policy.batches, _text))
    named = [gate.sql for gate in policy.gates.values() if gate.sql] + files_of(policy.batches)
    others = problems(policy, _unreadable(named, path.parent))
    errors = builder.problems + [error for error in others if not _follows(error, builder.problems)]
    refuse(source, placed(path, source, builder.located(errors)))
    return replace(policy, version=_digest(raw))


def _follows(error: ConfigError, faults: Sequence[ConfigError]) -> bool:
    """True for what may be wrong with a signal only because one of its values could not be read."""
    signal = error.key.split(".")[:2]
    return signal[0] == "signals" and any(fault.key.split(".")[:2] == signal for fault in faults)


def read_policy(path: Path, overlay: Mapping[str, Any] | None = None) -> Any:
    """Return the plain values of a policy file under an overlay; raise PolicyError for what is no YAML of ours."""
    raw, errors = read_yaml(path)
    refuse(str(path), errors)
    return raw if overlay is None or overlay == {} else merged(_one_form(raw, overlay), overlay)


def refuse_idle(policy: Policy) -> None:
    """Raise ``PolicyError`` for what loads with a warning, with key and line: a run that could end in silence
    (behaviour T10), and what is said in vain."""
    refuse(policy.source, placed(Path(policy.source), policy.source, idle(policy)))


def _digest(raw: object) -> str:
    """Return what tells one policy from another whatever the order of its keys: 12 hex digits of a SHA-256."""
    text = json.dumps(raw, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:VERSION_DIGITS]


def placed(path: Path, source: str, errors: Sequence[ConfigError]) -> Sequence[ConfigError]:
    """Return problems with their lines, unless their keys may be in an overlay."""
    return with_lines(path, errors) if source == str(path) else errors


SHORT_FORM = ("http", "topic", "messages", "body", "body_by_mode", "body_by_generation", "body_by_lane")


def _one_form(raw: object, overlay: Mapping[str, Any]) -> object:
    """Take from each dispatch of the file what the overlay says in the other form: `steps`, or a topic and a call."""
    written, over = _mapping(raw), _mapping(overlay)
    transitions, changed = _mapping(written.get("transitions")), {}
    for name, laid in _mapping(over.get("transitions")).items():
        form = _mapping(_mapping(laid).get("dispatch"))
        refused = SHORT_FORM if "steps" in form else ("steps",) if {"http", "topic"} & form.keys() else ()
        dispatch = _mapping(_mapping(transitions.get(name)).get("dispatch"))
        if dispatch.keys() & set(refused):
            kept = {key: value for key, value in dispatch.items() if key not in refused}
            changed[name] = {**_mapping(transitions[name]), "dispatch": kept}
    return {**written, "transitions": {**transitions, **changed}} if changed else raw


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def refuse(source: str, errors: Sequence[ConfigError]) -> None:
    """Raise for the first problem, if there is one."""
    if not errors:
        return
    first, *others = dict.fromkeys(errors)
    hint = first.hint
    if others:
        lines = "".join(f"\n    {other.key}: {other.reason} (hint: {other.hint})" for other in others)
        hint = f"{hint}\n  {len(others)} more {'problem' if len(others) == 1 else 'problems'}:{lines}"
    raise PolicyError(source, first.key, first.reason, hint)


def _shaped(raw: object, path: Path, source: str) -> PolicySchema:
    try:
        return converted(raw, PolicySchema)
    except msgspec.ValidationError as error:
        # Its text names no key of a mapping, so the fault is looked for once more, with the path in hand.
        from shared.adapters.config.locate_errors import locate_errors

        unnamed = ConfigError("(top level)", str(error), "compare with config/schema/pipeline.schema.json")
        refuse(source, placed(path, source, list(locate_errors(raw, PolicySchema)) or [unnamed]))
        raise


def _unreadable(named: Iterable[str], beside: Path) -> dict[str, str]:
    """Return why the functions cannot read a query, by the name that the policy gives it; nothing if they can."""
    return {sql: reason for sql in sorted(set(named)) if (reason := _why_unreadable(sql, beside))}


def _text(sql: str) -> str:
    """Return a query of ``config/``, "" for one that cannot be read: then the policy is refused."""
    return "" if _why_unreadable(sql, CONFIG) else (CONFIG / sql).read_text(encoding="utf-8")


def _why_unreadable(sql: str, beside: Path) -> str:
    path = (CONFIG / sql).resolve()
    if not path.is_relative_to(CONFIG.resolve()):
        return f"{sql} leads out of config/, and nothing else is deployed"
    if not path.is_file():
        elsewhere = (beside / sql).is_file()
        return f"{sql} is not in config/, and nothing else is deployed" if elsewhere else f"there is no file {sql}"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        return f"{sql} cannot be read: {error.strerror}"
    except UnicodeDecodeError as error:
        return f"{sql} is not UTF-8 at byte {error.start}"
    return "" if text.strip() else f"{sql} is empty"
