"""Cloud Function: completions of phase2 in, the trigger of phase3 out."""

from __future__ import annotations

import functions_framework
from cloudevents.http import CloudEvent

from shared import runtime


@functions_framework.cloud_event
def main(event: CloudEvent) -> None:
    runtime.receive("phase2_to_phase3", event)


runtime.attend("phase2_to_phase3")
