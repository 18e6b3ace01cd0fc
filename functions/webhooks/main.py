"""Cloud Function: signals that come by a call, each with a proof, on to the topic of the signal."""

from __future__ import annotations

import functions_framework
from flask import Request

from shared.entrypoints import webhooks


@functions_framework.http
def main(request: Request) -> webhooks.Answer:
    return webhooks.handle(request)
