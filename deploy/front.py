"""What the table of limits takes from the manifest: how a function that is pushed to is fed."""

from __future__ import annotations

from deploy.manifest import Manifest
from shared.core.limits.table import Front


def front_of(manifest: Manifest) -> Front:
    """Return what stands before the first function that is pushed to."""
    function = next(function for function in manifest.functions.values() if function.push is not None)
    push = function.push
    assert push is not None
    return Front(
        function.max_instances,
        function.concurrency,
        function.cpu,
        function.timeout,
        push.ack_deadline,
        push.max_backoff,
        manifest.dead_letter.attempts,
    )
