"""A floor: the least that makes a completion durable, one new Firestore document."""

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
    message = event.data["message"]
    body = json.loads(base64.b64decode(message["data"]))
    clients[0].collection("floor").document(message["messageId"]).create(body)
