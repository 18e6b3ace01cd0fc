"""The JSON schema of the manifest, for editors: `python -m deploy.manifest_json_schema` writes it anew."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import msgspec

from deploy.manifest_schema import ManifestSchema

SCHEMA = Path(__file__).resolve().parent / "schema" / "functions.schema.json"


def schema_text() -> str:
    """Return the schema as the checked-in file holds it."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "The manifest of the deployed functions",
        **msgspec.json.schema(ManifestSchema),
    }
    return json.dumps(schema, indent=2) + "\n"


def main() -> None:
    SCHEMA.write_text(schema_text(), encoding="utf-8")
    sys.stderr.write(f"wrote {SCHEMA}\n")


if __name__ == "__main__":
    main()
