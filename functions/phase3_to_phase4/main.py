"""Cloud Function: completions of phase3 in, the trigger of phase4 out."""

from __future__ import annotations

import functions_framework
from cloudevents.http import CloudEvent

from shared.entrypoints import transition


@functions_framework.cloud_event
def main(event: CloudEvent) -> None:
    transition.receive("phase3_to_phase4", event)


transition.add_health_route("phase3_to_phase4")
