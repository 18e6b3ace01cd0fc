"""Cloud Function: completions of phase3 in, the trigger of phase4 out."""

from __future__ import annotations

import functions_framework
from cloudevents.http import CloudEvent

from shared import runtime


@functions_framework.cloud_event
def main(event: CloudEvent) -> None:
    runtime.receive("phase3_to_phase4", event)


runtime.attend("phase3_to_phase4")
