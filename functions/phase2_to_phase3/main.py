"""Cloud Function: completions of phase2 in, the trigger of phase3 out."""

from __future__ import annotations

import functions_framework
from cloudevents.http import CloudEvent

from shared.entrypoints import transition


@functions_framework.cloud_event
def main(event: CloudEvent) -> None:
    transition.receive("phase2_to_phase3", event)


transition.add_health_route("phase2_to_phase3")
