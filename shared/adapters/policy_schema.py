"""The JSON schema of the policy file, for editors: `python -m shared.adapters.policy_schema` writes it anew."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec

from shared.adapters.policy_shape import PolicyShape

SCHEMA = Path(__file__).resolve().parents[2] / "config" / "schema" / "pipeline.schema.json"


def schema_text() -> str:
    """Return the schema as the checked-in file holds it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A pipeline of the orchestrators",
        **msgspec.json.schema(PolicyShape),
    }
    return json.dumps(schema, indent=2) + "\n"


def main() -> None:
    SCHEMA.parent.mkdir(parents=True, exist_ok=True)
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    sys.stderr.write(f"wrote {SCHEMA}\n")


if __name__ == "__main__":
    main()
