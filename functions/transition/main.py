"""Cloud Function: completions of any phase of any pipeline in, the triggers that follow out."""

from __future__ import annotations

import functions_framework
from cloudevents.http import CloudEvent

from shared.entrypoints import transition


@functions_framework.cloud_event
def main(event: CloudEvent) -> None:
    transition.receive(transition.ANY, event)


transition.add_health_route(transition.ANY)
