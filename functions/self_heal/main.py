"""Cloud Function: the sweep, called by Cloud Scheduler every minute."""

from __future__ import annotations

import functions_framework
from flask import Request

from shared import runtime


@functions_framework.http
def main(request: Request) -> tuple[str, int, dict[str, str]]:
    return runtime.self_heal(request)
