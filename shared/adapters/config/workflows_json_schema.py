"""The JSON schema of config/workflows.yaml: `python -m shared.adapters.config.workflows_json_schema` writes it anew."""

from __future__ import annotations

import sys
from pathlib import Path

from shared.adapters.config import json_schema
from shared.adapters.config.workflows_schema import WorkflowsSchema

SCHEMA = Path(__file__).resolve().parents[3] / "config" / "schema" / "workflows.schema.json"


def schema_text() -> str:
    """Return the schema as the checked-in file holds it."""
    return json_schema.schema_text(WorkflowsSchema, "The workflows of a pipeline")


def main() -> None:
    SCHEMA.parent.mkdir(parents=True, exist_ok=True)
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    sys.stderr.write(f"wrote {SCHEMA}\n")


if __name__ == "__main__":
    main()
