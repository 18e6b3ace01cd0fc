"""Cloud Function: completions of phase5 in, the trigger of phase6 out."""

from __future__ import annotations

import functions_framework
from cloudevents.http import CloudEvent

from shared import runtime


@functions_framework.cloud_event
def main(event: CloudEvent) -> None:
    runtime.receive("phase5_to_phase6", event)


runtime.attend("phase5_to_phase6")
