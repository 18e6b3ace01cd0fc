"""Cloud Function: completions of phase4 in, the trigger of phase5 out."""

from __future__ import annotations

import functions_framework
from cloudevents.http import CloudEvent

from shared.entrypoints import transition


@functions_framework.cloud_event
def main(event: CloudEvent) -> None:
    transition.receive("phase4_to_phase5", event)


transition.add_health_route("phase4_to_phase5")
