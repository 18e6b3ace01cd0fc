"""The function of batches for people and services: `/start` and `/close` by POST, `/status` by GET."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from shared.app.batches import operate, queries
from shared.app.batches.store import load_batch
from shared.app.call import WRONG_METHOD, Call, Wrong, date_of, parameters
from shared.app.context import Context
from shared.app.outcome import Outcome, Why
from shared.app.pipelines import of_query
from shared.core.batches.arrival import Start, object_of, start_of
from shared.core.errors import Malformed
from shared.core.model import Lane, RunKey
from shared.core.policy.batches import start_topic
from shared.core.policy.config_error import suggest
from shared.ports import Message

NAMES = ("batch", "date", "mode", "lane")
STATUSES = {Outcome.DONE: 200, Outcome.REFUSED: 409, Outcome.NOT_FOUND: 404, Outcome.UNAVAILABLE: 503}
ACCEPTED, NOT_FOUND = 202, 404
PATHS = {"/start": "POST", "/status": "GET", "/close": "POST"}


def answer_one_of(known: Sequence[Context], call: Call) -> tuple[Any, int]:
    """Answer one request for the pipeline that `?pipeline=NAME` names; where one has batches, it need not be named."""
    wanted = of_query(known, call)
    if isinstance(wanted, Wrong):
        return _refused(wanted)
    contexts, call = wanted
    having = [ctx for ctx in contexts if ctx.policy.batches] or list(contexts[:1])
    if len(having) > 1:
        names = ", ".join(ctx.policy.pipeline for ctx in having)
        return _refused(Wrong(f"several pipelines have batches: {names}", "say which: ?pipeline=NAME"))
    return answer(having[0], call)


def answer(ctx: Context, call: Call) -> tuple[Any, int]:
    """Answer one request; what is not understood is refused, and nothing is done."""
    path = call.path.rstrip("/") or "/"
    if path not in PATHS:
        return _refused(Wrong(f"there is no {path[:80]}", f"there are {', '.join(PATHS)} and /health", NOT_FOUND))
    if call.method != PATHS[path]:
        wrong = Wrong(f"a {call.method[:20]} does nothing at {path}", f"{PATHS[path]} {path}", WRONG_METHOD)
        return _refused(wrong)
    if path == "/status":
        return _status(ctx, call)
    try:
        body = dict(object_of(call.data))
    except Malformed as wrong:
        return _refused(Wrong(wrong.reason, "send a JSON object"))
    return _start(ctx, body) if path == "/start" else _close(ctx, body)


def _refused(wrong: Wrong) -> tuple[Any, int]:
    return wrong.body(), wrong.status


def _start(ctx: Context, body: dict[str, Any]) -> tuple[Any, int]:
    """Take a start as its topic would, and answer before the work: the same id gets the same answer."""
    try:
        asked = start_of(body, ctx.policy)
    except Malformed as wrong:
        return _refused(
            Wrong(wrong.reason, "send what the topic of starts carries: batch, trigger_id, game_date, mode")
        )
    if not isinstance(asked, Start):
        return _refused(Wrong("no trigger_id: the batch would have no id", "add trigger_id"))
    if load_batch(ctx.ports.store, asked.id) is None:
        message = Message(body, {"trigger_id": asked.id, "batch": asked.declared.name})
        ctx.ports.bus.publish(start_topic(ctx.policy.pipeline), [message])
    return {"status": "accepted", "batch_id": asked.id, "batch": asked.declared.name, "run": asked.run.id}, ACCEPTED


def _status(ctx: Context, call: Call) -> tuple[Any, int]:
    query = parameters(call.query, (*NAMES, "batch_id"))
    if isinstance(query, Wrong):
        return _refused(query)
    if "batch_id" in query:
        stored = load_batch(ctx.ports.store, query["batch_id"])
        batch, asked = None if stored is None else stored.value, query["batch_id"]
    else:
        named = _run(ctx, query)
        if isinstance(named, Wrong):
            return _refused(named)
        batch, asked = queries.newest(ctx, *named), f"{named[1].id} {named[0]}"
    if batch is None:
        return {"error": f"there is no batch {asked}", "hint": "see which there are: bin/orch batch list"}, NOT_FOUND
    return queries.document(ctx, queries.view(ctx, batch)), 200


def _close(ctx: Context, body: dict[str, Any]) -> tuple[Any, int]:
    reason, by = str(body.pop("reason", "") or "").strip(), str(body.pop("by", "") or "").strip()
    if not reason:
        return _refused(Wrong("no reason", 'say why: {"reason": "what is there is enough", ...}'))
    unknown = next((name for name in body if name not in NAMES), None)
    if unknown is not None:
        return _refused(Wrong(f"unknown key {unknown[:80]!r}", suggest(unknown, (*NAMES, "reason", "by"))))
    named = _run(ctx, {name: str(value) for name, value in body.items()})
    if isinstance(named, Wrong):
        return _refused(named)
    answered = operate.close(ctx, named[1], named[0], Why(reason, by))
    return {"answer": answered.text}, STATUSES[answered.outcome]


def _run(ctx: Context, named: dict[str, str]) -> tuple[str, RunKey] | Wrong:
    """Return which batch of which run is meant; where one mode passes, it need not be named."""
    name, modes = named.get("batch") or _only(ctx.policy.batches), ctx.policy.modes
    if name not in ctx.policy.batches:
        return Wrong(f"there is no batch {json.dumps(name)}", suggest(str(name), ctx.policy.batches))
    day = date_of(named.get("date"))
    if isinstance(day, Wrong):
        return day
    mode = named.get("mode") or _only(modes)
    if mode not in modes:
        return Wrong(f"unknown mode {json.dumps(mode)}", suggest(str(mode), modes))
    lane = named.get("lane", Lane.LIVE.value)
    if lane not in set(Lane):
        return Wrong(f"unknown lane {json.dumps(lane)}", suggest(lane, [one.value for one in Lane]))
    return name, RunKey(ctx.policy.pipeline, day, mode, Lane(lane))


def _only(known: Any) -> str:
    listed = list(known)
    return str(listed[0]) if len(listed) == 1 else ""
