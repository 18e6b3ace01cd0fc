"""Whether a service works on a date already: asked before a call of unknown outcome is made again (behaviour D11)."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import urlencode

from shared.app.context import Context
from shared.core.errors import OutOfTime, Unavailable
from shared.core.model import RunKey
from shared.core.wire.answers import is_at_work
from shared.core.wire.templates import render

TIMEOUT = timedelta(seconds=5)


def at_work(ctx: Context, key: RunKey, service: str) -> bool:
    """Ask a service whether it works on the date of a run; False where it cannot be asked, or does not say so."""
    call, base = ctx.policy.services[service].status, ctx.endpoints.get(service)
    if call is None or not base:
        return False
    values = {
        "game_date": key.day.isoformat(),
        "mode": key.mode,
        "lane": key.lane.value,
        "pipeline": key.pipeline,
        "run_id": key.id,
    }
    asked = {name: str(value) for name, value in render(call.query, values).items()}
    url = base.rstrip("/") + call.path + (f"?{urlencode(asked)}" if asked else "")
    try:
        response = ctx.ports.http.request("GET", url, None, TIMEOUT)
    except (Unavailable, OutOfTime) as error:
        ctx.log("status.unknown", severity="WARNING", service=service, run_id=key.id, error=str(error))
        return False
    return response.status < 400 and is_at_work(call, asked, response.body)
