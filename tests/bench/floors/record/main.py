"""A floor: the least that records a completion and sees who else has reported: create its document, list the others."""

from __future__ import annotations

import base64
import json

import functions_framework
from cloudevents.http import CloudEvent
from google.cloud import firestore

clients: list[firestore.Client] = []


@functions_framework.cloud_event
def main(event: CloudEvent) -> None:
    if not clients:
        clients.append(firestore.Client())
    body = json.loads(base64.b64decode(event.data["message"]["data"]))
    completions = clients[0].collection("floor").document(body["game_date"]).collection("completions")
    completions.document(body["processor_name"]).create(body)
    {document.id for document in completions.stream()}
