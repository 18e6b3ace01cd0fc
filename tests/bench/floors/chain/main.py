"""A floor: the least that starts the next phase once, by hand: create, list, create, publish."""

from __future__ import annotations

import base64
import json
import os

import functions_framework
from cloudevents.http import CloudEvent
from google.api_core.exceptions import AlreadyExists
from google.cloud import firestore, pubsub_v1
from google.cloud.pubsub_v1.types import BatchSettings

EXPECTED = frozenset(os.environ["FLOOR_EXPECTED"].split(","))
TOPIC = f"projects/{os.environ['GOOGLE_CLOUD_PROJECT']}/topics/{os.environ['FLOOR_TOPIC']}"
clients: list[tuple[firestore.Client, pubsub_v1.PublisherClient]] = []


@functions_framework.cloud_event
def main(event: CloudEvent) -> None:
    if not clients:
        clients.append((firestore.Client(), pubsub_v1.PublisherClient(BatchSettings(max_messages=1))))
    store, bus = clients[0]
    body = json.loads(base64.b64decode(event.data["message"]["data"]))
    run = store.collection("floor").document(body["game_date"])
    run.collection("completions").document(body["processor_name"]).create(body)
    done = {document.id for document in run.collection("completions").stream()}
    if not done >= EXPECTED:
        return
    try:
        run.collection("triggers").document("next").create({"done": sorted(done)})
    except AlreadyExists:
        return
    trigger = {"game_date": body["game_date"], "processors": sorted(done)}
    bus.publish(TOPIC, json.dumps(trigger).encode(), game_date=body["game_date"]).result()
