"""The function of batches for people and services: `/start` and `/close` by POST, `/status` by GET."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from shared.app.batches import operate, queries
from shared.app.batches.store import load_batch
from shared.app.call import WRONG_METHOD, Call, Wrong, date_of, parameters, shown
from shared.app.context import Context
from shared.app.outcome import Outcome, Why
from shared.app.pipelines import of_query
from shared.core.batches.arrival import Start, object_of, start_of
from shared.core.batches.values import publishable
from shared.core.errors import Malformed
from shared.core.model import Lane, RunKey
from shared.core.policy.batches import start_topic
from shared.core.policy.config_error import suggest
from shared.ports import Message

NAMES = ("batch", "date", "mode", "lane")
STATUSES = {Outcome.DONE: 200, Outcome.REFUSED: 409, Outcome.NOT_FOUND: 404, Outcome.UNAVAILABLE: 503}
ACCEPTED, NOT_FOUND = 202, 404
SEE_ALL = "see which there are: bin/orch batch list"
HINTS = {
    "no_trigger_id": 'add an id that is the same however often this start is sent: "trigger_id": "NAME-1"',
    "no_date": 'the date that is worked on: "game_date": "2026-01-21"',
    "other_pipeline": "leave it out, or name the pipeline as the policy does",
    "bad_generation": "leave it out, or write a whole number: 1",
    "no_members": "a list of names or objects, which may be empty",
    "not_object": "send the field that lists the members where the policy says: an object for each dot",
}
PATHS = {"/start": "POST", "/status": "GET", "/close": "POST"}


def answer_one_of(contexts: Sequence[Context], call: Call) -> tuple[Any, int]:
    """Answer one request for the pipeline that `?pipeline=NAME` names; where one has batches, it need not be named."""
    selection = of_query(contexts, call)
    if isinstance(selection, Wrong):
        return _refused(selection)
    named, call = selection
    having = [ctx for ctx in named if ctx.policy.batches] or list(named[:1])
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
    if not _can_be_sent(body):
        return _refused(Wrong("holds NaN, Infinity or half a character", "send null, a number or whole text instead"))
    return _start(ctx, body) if path == "/start" else _close(ctx, body)


def _can_be_sent(body: dict[str, Any]) -> bool:
    """True unless a message could not carry what is in it, nor a document."""
    try:
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return False
    return True


def _refused(wrong: Wrong) -> tuple[Any, int]:
    return wrong.body(), wrong.status


def _start(ctx: Context, body: dict[str, Any]) -> tuple[Any, int]:
    """Take a start as its topic would, and answer before the work: the same id gets the same answer."""
    try:
        asked = start_of(body, ctx.policy)
    except Malformed as wrong:
        return _refused(Wrong(wrong.reason, _start_hint(ctx, wrong.kind, body)))
    if not isinstance(asked, Start):
        return _refused(Wrong("no trigger_id: the batch would have no id", HINTS["no_trigger_id"]))
    if load_batch(ctx.ports.store, asked.id) is None:
        message = Message(body, publishable({"trigger_id": asked.id, "batch": asked.declared.name}))
        ctx.ports.bus.publish(start_topic(ctx.policy.pipeline), [message])
    return {"status": "accepted", "batch_id": asked.id, "batch": asked.declared.name, "run": asked.run.id}, ACCEPTED


def _start_hint(ctx: Context, kind: str, body: dict[str, Any]) -> str:
    """Return what to write instead, for the key that a start was refused for."""
    if kind == "unknown_batch":
        return suggest(str(body.get("batch") or ""), ctx.policy.batches)
    if kind == "unknown_mode":
        return suggest(str(body.get("mode") or ""), ctx.policy.modes)
    if kind == "unknown_lane":
        return suggest(str(body.get("lane") or ""), [lane.value for lane in Lane])
    return HINTS.get(kind, "send what the topic of starts carries: batch, trigger_id, game_date, mode")


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
        return _refused(Wrong(f"there is no batch {asked}", SEE_ALL, NOT_FOUND))
    return queries.document(ctx, queries.view(ctx, batch)), 200


def _close(ctx: Context, body: dict[str, Any]) -> tuple[Any, int]:
    reason, by = str(body.pop("reason", "") or "").strip(), str(body.pop("by", "") or "").strip()
    if not reason:
        return _refused(Wrong("no reason", 'say why: {"reason": "what is there is enough", ...}'))
    unknown = next((name for name in body if name not in NAMES), None)
    if unknown is not None:
        return _refused(Wrong(f"unknown key {unknown[:80]!r}", suggest(unknown, (*NAMES, "reason", "by"))))
    other = next((name for name, value in body.items() if not isinstance(value, str)), None)
    if other is not None:
        return _refused(Wrong(f"{other} {shown(body[other])} is no text", f'write it as text: "{other}": "..."'))
    named = _run(ctx, body)
    if isinstance(named, Wrong):
        return _refused(named)
    answered = operate.close(ctx, named[1], named[0], Why(reason, by))
    if answered.outcome is Outcome.NOT_FOUND:
        return _refused(Wrong(answered.text, SEE_ALL, NOT_FOUND))
    return {"answer": answered.text}, STATUSES[answered.outcome]


def _run(ctx: Context, named: dict[str, str]) -> tuple[str, RunKey] | Wrong:
    """Return which batch of which run is meant; where one mode passes, it need not be named."""
    name, modes = named.get("batch") or _only(ctx.policy.batches), ctx.policy.modes
    if name not in ctx.policy.batches:
        what = f"there is no batch {shown(name)}" if name else "no batch is named"
        return Wrong(what, suggest(name, ctx.policy.batches))
    if not named.get("date"):
        return Wrong("no date is named", "the date of its run: 2026-01-21")
    day = date_of(named.get("date"))
    if isinstance(day, Wrong):
        return day
    mode = named.get("mode") or _only(modes)
    if mode not in modes:
        return Wrong(f"unknown mode {shown(mode)}" if mode else "no mode is named", suggest(mode, modes))
    lane = named.get("lane", Lane.LIVE.value)
    if lane not in set(Lane):
        return Wrong(f"unknown lane {shown(lane)}", suggest(lane, [choice.value for choice in Lane]))
    return name, RunKey(ctx.policy.pipeline, day, mode, Lane(lane))


def _only(names: Any) -> str:
    listed = list(names)
    return str(listed[0]) if len(listed) == 1 else ""
