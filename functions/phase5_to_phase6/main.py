"""Cloud Function: completions of phase5 in, the trigger of phase6 out."""

from __future__ import annotations

import functions_framework
from cloudevents.http import CloudEvent

from shared.entrypoints import transition


@functions_framework.cloud_event
def main(event: CloudEvent) -> None:
    transition.receive("phase5_to_phase6", event)


transition.add_health_route("phase5_to_phase6")
