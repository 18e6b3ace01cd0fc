"""Cloud Function: completions of phase4 in, the trigger of phase5 out."""

from __future__ import annotations

import functions_framework
from cloudevents.http import CloudEvent

from shared import runtime


@functions_framework.cloud_event
def main(event: CloudEvent) -> None:
    runtime.receive("phase4_to_phase5", event)


runtime.attend("phase4_to_phase5")
