"""Cloud Function: the sweep, called by Cloud Scheduler every minute."""

from __future__ import annotations

import functions_framework
from flask import Request

from shared.entrypoints import self_heal


@functions_framework.http
def main(request: Request) -> tuple[str, int, dict[str, str]]:
    return self_heal.handle(request)
