"""Google's messages as gcloud's own source has them: which fields there are, of what type; what an answer breaks."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from tests.emulators.gcloud import skip_or_fail

# For each kind of answer the API, its version and the message.
MESSAGES = {
    "topic": ("pubsub", "v1", "Topic"),
    "subscription": ("pubsub", "v1", "Subscription"),
    "secret": ("secretmanager", "v1", "Secret"),
    "service account": ("iam", "v1", "ServiceAccount"),
    "function": ("cloudfunctions", "v2", "Function"),
    "serving revision": ("run", "v1", "Service"),
    "schedule": ("cloudscheduler", "v1", "Job"),
    "database": ("firestore", "v1", "GoogleFirestoreAdminV1Database"),
    "field": ("firestore", "v1", "GoogleFirestoreAdminV1Field"),
    "dataset": ("bigquery", "v2", "Dataset"),
    "table": ("bigquery", "v2", "Table"),
    "log metric": ("logging", "v2", "LogMetric"),
    "alert policy": ("monitoring", "v3", "AlertPolicy"),
    "channel": ("monitoring", "v3", "NotificationChannel"),
    "dashboard": ("monitoring", "v1", "Dashboard"),
    "policy": ("iam", "v1", "Policy"),
    "permissions": ("cloudresourcemanager", "v1", "TestIamPermissionsResponse"),
}
DUMP = """
import importlib, json, sys
sys.path[:0] = [sys.argv[1] + "/lib", sys.argv[1] + "/lib/third_party"]
from apitools.base.py import encoding
from apitools.base.protorpclite import messages
KINDS = {"StringField": "string", "IntegerField": "int", "FloatField": "float", "BooleanField": "bool",
         "BytesField": "bytes", "DateTimeField": "string", "DateField": "string"}
found = {}
def field(one):
    entry = {"repeated": one.repeated}
    if isinstance(one, messages.EnumField):
        return {**entry, "kind": "enum", "enum": list(one.type.names())}
    if type(one).__name__ in KINDS:
        return {**entry, "kind": KINDS[type(one).__name__]}
    if one.type.__name__ in ("JsonValue", "JsonObject"):
        return {**entry, "kind": "json"}
    visit(one.type)
    return {**entry, "kind": "message", "message": one.type.__module__ + "." + one.type.definition_name()}
def visit(message):
    name = message.__module__ + "." + message.definition_name()
    if name in found:
        return name
    found[name] = {}
    for one in message.all_fields():
        shown = encoding.GetCustomJsonFieldMapping(message, python_name=one.name) or one.name
        found[name][shown] = field(one)
    return name
roots = {}
for kind, (api, version, name) in json.loads(sys.argv[2]).items():
    module = f"googlecloudsdk.generated_clients.apis.{api}.{version}.{api}_{version}_messages"
    roots[kind] = visit(getattr(importlib.import_module(module), name))
print(json.dumps({"roots": roots, "messages": found}))
"""


@dataclass(frozen=True)
class Field:
    """One field of a message; ``message`` names its type where it is a message, ``entries`` says that it is a map."""

    name: str
    kind: str
    repeated: bool
    enum: tuple[str, ...]
    message: str


@cache
def dumped() -> Any:
    """Ask gcloud's own Python, once."""
    if shutil.which("gcloud") is None:
        skip_or_fail("gcloud is not on PATH")
    asked = ["gcloud", "info", "--format=json(basic.python_location,installation.sdk_root)"]
    info = json.loads(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)
    command = [info["basic"]["python_location"], "-c", DUMP, info["installation"]["sdk_root"], json.dumps(MESSAGES)]
    return json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def root(kind: str) -> str:
    name: str = dumped()["roots"][kind]
    return name


def fields(message: str) -> dict[str, Field]:
    return {
        name: Field(name, field["kind"], field["repeated"], tuple(field.get("enum", ())), field.get("message", ""))
        for name, field in dumped()["messages"][message].items()
    }


def map_values(message: str) -> Field | None:
    """Return the type of a map's values, None for a message that is no map."""
    own = fields(message)
    if set(own) != {"additionalProperties"}:
        return None
    return fields(own["additionalProperties"].message)["value"]


def schema_errors(message: str, value: Any, path: str = "") -> Iterator[str]:
    """Yield what an answer says that its message does not know: fields, words of an enum, types."""
    if not isinstance(value, dict):
        yield f"{path}: no object"
        return
    values = map_values(message)
    declared_fields = fields(message)
    for name, item in value.items():
        where = f"{path}.{name}".lstrip(".")
        field = values or declared_fields.get(name)
        if field is None:
            yield f"{where}: unknown"
            continue
        many = field.repeated and values is None
        if many != isinstance(item, list):
            yield f"{where}: {'a list' if many else 'one value'} is wanted"
            continue
        for element in item if many else [item]:
            yield from _fault(field, element, where)


TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "bytes": (str,),
    "bool": (bool,),
    "int": (int, str),
    "float": (int, float),
}


def _fault(field: Field, value: Any, where: str) -> Iterator[str]:
    if field.kind == "message":
        yield from schema_errors(field.message, value, where)
    elif field.kind == "enum":
        if value not in field.enum:
            yield f"{where}: {value} is none of {', '.join(field.enum)}"
    elif field.kind != "json" and not isinstance(value, TYPES[field.kind]):
        yield f"{where}: {value!r} is no {field.kind}"
    elif field.kind == "int" and not (isinstance(value, int) or value.lstrip("-").isdigit()):
        yield f"{where}: {value!r} is no int"
