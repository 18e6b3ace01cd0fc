"""A floor: a function that does nothing."""

from __future__ import annotations

import functions_framework
from cloudevents.http import CloudEvent


@functions_framework.cloud_event
def main(event: CloudEvent) -> None:
    """Take it."""
