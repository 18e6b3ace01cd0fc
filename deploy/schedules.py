"""The schedules that call the functions which need no message."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from deploy.command_line import gcloud, seconds
from deploy.manifest import Function, Manifest, Schedule, Target
from deploy.resource import Difference, Resource, compare, undeclared

# The service sets these by itself, or they say what the body is.
OWN_HEADERS = {"content-type", "user-agent"}
JSON_HEADER = "Content-Type=application/json"


def schedule_resource(manifest: Manifest, place: Target, one: Schedule) -> Iterator[Resource]:
    function = manifest.functions[one.calls]
    settings: dict[str, str | int | bool | None] = {
        "location": place.region,
        "schedule": one.cron,
        "time_zone": one.zone,
        "uri": place.url(function.name) + one.path,
        "http_method": one.method,
        "oidc_service_account_email": place.account(one.service_account),
        "oidc_token_audience": place.url(function.name),
        "attempt_deadline": seconds(one.attempt_deadline),
        "max_retry_attempts": one.attempts,
        "min_backoff": seconds(one.min_backoff),
        "max_backoff": seconds(one.max_backoff),
        "message_body": None if one.body is None else _json(one.body),
    }
    with_body = one.body is not None
    yield Resource(
        kind="schedule",
        name=one.name,
        read=gcloud("scheduler jobs describe", one.name, project=place.project, location=place.region),
        differences=lambda found: schedule_differences(place, function, one, found),
        create=gcloud(
            "scheduler jobs create http",
            one.name,
            project=place.project,
            **settings,
            headers=JSON_HEADER if with_body else None,
        ),
        update=gcloud(
            "scheduler jobs update http",
            one.name,
            project=place.project,
            **settings,
            update_headers=JSON_HEADER if with_body else None,
        ),
        function=one.calls,
    )
    yield Resource(
        kind="schedule state",
        name=one.name,
        read=gcloud("scheduler jobs describe", one.name, project=place.project, location=place.region),
        differences=lambda found: compare({"state": "ENABLED"}, {"state": found.get("state")}),
        create=None,
        update=gcloud("scheduler jobs resume", one.name, project=place.project, location=place.region),
        hint="the schedule does not exist yet",
        function=one.calls,
    )


def schedule_differences(place: Target, function: Function, one: Schedule, found: Any) -> list[Difference]:
    target, retry = found.get("httpTarget") or {}, found.get("retryConfig") or {}
    token = target.get("oidcToken") or {}
    wanted = {
        "cron": one.cron,
        "zone": one.zone,
        "target": place.url(function.name) + one.path,
        "method": one.method,
        "identity": place.account(one.service_account),
        "audience": place.url(function.name),
        "attempt deadline": seconds(one.attempt_deadline),
        "retries": one.attempts,
        "body": None if one.body is None else _json(one.body),
        "back-off": f"{seconds(one.min_backoff)} to {seconds(one.max_backoff)}",
        "headers": [],
    }
    body = target.get("body")
    have = {
        "cron": found.get("schedule"),
        "zone": found.get("timeZone"),
        "target": target.get("uri"),
        "method": target.get("httpMethod", "POST"),
        "identity": token.get("serviceAccountEmail"),
        "audience": token.get("audience"),
        "attempt deadline": found.get("attemptDeadline"),
        "retries": retry.get("retryCount", 0),
        "body": base64.b64decode(body).decode() if body else None,
        "back-off": f"{retry.get('minBackoffDuration', '5s')} to {retry.get('maxBackoffDuration', '3600s')}",
        "headers": sorted(name for name in target.get("headers", {}) if name.lower() not in OWN_HEADERS),
    }
    return compare(wanted, have) + undeclared(found, ("pubsubTarget", "appEngineHttpTarget", "httpTarget.oauthToken"))


def _json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"))
