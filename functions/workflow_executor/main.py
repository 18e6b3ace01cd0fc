"""Cloud Function: runs a step of a workflow, one message each."""

from __future__ import annotations

import functions_framework
from cloudevents.http import CloudEvent

from shared.entrypoints import workflow_executor


@functions_framework.cloud_event
def main(event: CloudEvent) -> None:
    workflow_executor.receive(event)


workflow_executor.add_health_route()
