"""The JSON schema of config/validation.yaml, for editors.

`python -m shared.adapters.config.validation_json_schema` writes it anew.
"""

from __future__ import annotations

import sys
from pathlib import Path

from shared.adapters.config import json_schema
from shared.adapters.config.validation_schema import ValidationSchema

SCHEMA = Path(__file__).resolve().parents[3] / "config" / "schema" / "validation.schema.json"


def schema_text() -> str:
    """Return the schema as the checked-in file holds it."""
    return json_schema.schema_text(ValidationSchema, "The validation checks of a pipeline")


def main() -> None:
    SCHEMA.parent.mkdir(parents=True, exist_ok=True)
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    sys.stderr.write(f"wrote {SCHEMA}\n")


if __name__ == "__main__":
    main()
