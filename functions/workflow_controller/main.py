"""Cloud Function: decides which workflows run now, called by Cloud Scheduler every five minutes."""

from __future__ import annotations

import functions_framework
from flask import Request

from shared.entrypoints import workflow_controller


@functions_framework.http
def main(request: Request) -> tuple[str, int, dict[str, str]]:
    return workflow_controller.handle(request)
