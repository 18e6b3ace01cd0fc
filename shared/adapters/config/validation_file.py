"""Loading config/validation.yaml: YAML to its shape, the shape to the checks, each of them complete."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from shared.adapters.config.strict_yaml import read_yaml, with_lines
from shared.adapters.config.validation_build import ValidationBuilder
from shared.adapters.config.validation_schema import ValidationSchema
from shared.core.errors import PolicyError
from shared.core.policy.config_error import ConfigError
from shared.core.policy.policy import Policy
from shared.core.validation.checks import Validation
from shared.documents import converted


def load_validation(path: Path, policy: Policy, record: str) -> Validation:
    """Return the checks of a file; ``record`` is the dataset that the record is written to.

    Raises PolicyError for the first problem, the others listed in its hint. SQL files and fixtures
    are looked for beside the file.
    """
    raw, errors = read_yaml(path)
    _refuse(path, errors)
    try:
        shaped = converted(raw, ValidationSchema)
    except msgspec.ValidationError as error:
        # Its text names no key of a mapping, so the fault is looked for once more, with the path in hand.
        from shared.adapters.config.locate_errors import locate_errors

        unnamed = ConfigError("(top level)", str(error), "compare with config/schema/validation.schema.json")
        _refuse(path, with_lines(path, list(locate_errors(raw, ValidationSchema)) or [unnamed]))
        raise
    builder = ValidationBuilder(policy, record, path.parent)
    validation = builder.validation(shaped, str(path))
    _refuse(path, with_lines(path, builder.problems))
    return validation


def _refuse(path: Path, errors: Sequence[ConfigError]) -> None:
    """Raise for the first problem, if there is one."""
    if not errors:
        return
    first, *others = dict.fromkeys(errors)
    hint = first.hint
    if others:
        lines = "".join(f"\n    {other.key}: {other.reason} (hint: {other.hint})" for other in others)
        hint = f"{hint}\n  {len(others)} more {'problem' if len(others) == 1 else 'problems'}:{lines}"
    raise PolicyError(str(path), first.key, first.reason, hint)
