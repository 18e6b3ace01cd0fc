"""The JSON schema of config/validation.yaml: `python -m shared.adapters.validation_schema` writes it anew."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec

from shared.adapters.validation_shape import ValidationShape

SCHEMA = Path(__file__).resolve().parents[2] / "config" / "schema" / "validation.schema.json"


def schema_text() -> str:
    """Return the schema as the checked-in file holds it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The validation checks of a pipeline",
        **msgspec.json.schema(ValidationShape),
    }
    return json.dumps(schema, indent=2) + "\n"


def main() -> None:
    SCHEMA.parent.mkdir(parents=True, exist_ok=True)
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    sys.stderr.write(f"wrote {SCHEMA}\n")


if __name__ == "__main__":
    main()
