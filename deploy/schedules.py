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


def schedule_resource(manifest: Manifest, place: Target, schedule: Schedule) -> Iterator[Resource]:
    function = manifest.functions[schedule.calls]
    settings: dict[str, str | int | bool | None] = {
        "location": place.region,
        "schedule": schedule.cron,
        "time_zone": schedule.zone,
        "uri": place.url(function.name) + schedule.path,
        "http_method": schedule.method,
        "oidc_service_account_email": place.account(schedule.service_account),
        "oidc_token_audience": place.url(function.name),
        "attempt_deadline": seconds(schedule.attempt_deadline),
        "max_retry_attempts": schedule.attempts,
        "min_backoff": seconds(schedule.min_backoff),
        "max_backoff": seconds(schedule.max_backoff),
        "message_body": None if schedule.body is None else _json(schedule.body),
    }
    with_body = schedule.body is not None
    yield Resource(
        kind="schedule",
        name=schedule.name,
        read=gcloud("scheduler jobs describe", schedule.name, project=place.project, location=place.region),
        differences=lambda actual: schedule_differences(place, function, schedule, actual),
        create=gcloud(
            "scheduler jobs create http",
            schedule.name,
            project=place.project,
            **settings,
            headers=JSON_HEADER if with_body else None,
        ),
        update=gcloud(
            "scheduler jobs update http",
            schedule.name,
            project=place.project,
            **settings,
            update_headers=JSON_HEADER if with_body else None,
        ),
        function=schedule.calls,
    )
    yield Resource(
        kind="schedule state",
        name=schedule.name,
        read=gcloud("scheduler jobs describe", schedule.name, project=place.project, location=place.region),
        differences=lambda actual: compare({"state": "ENABLED"}, {"state": actual.get("state")}),
        create=None,
        update=gcloud("scheduler jobs resume", schedule.name, project=place.project, location=place.region),
        hint="the schedule does not exist yet",
        function=schedule.calls,
    )


def schedule_differences(place: Target, function: Function, schedule: Schedule, actual: Any) -> list[Difference]:
    target, retry = actual.get("httpTarget") or {}, actual.get("retryConfig") or {}
    token = target.get("oidcToken") or {}
    expected = {
        "cron": schedule.cron,
        "zone": schedule.zone,
        "target": place.url(function.name) + schedule.path,
        "method": schedule.method,
        "identity": place.account(schedule.service_account),
        "audience": place.url(function.name),
        "attempt deadline": seconds(schedule.attempt_deadline),
        "retries": schedule.attempts,
        "body": None if schedule.body is None else _json(schedule.body),
        "back-off": f"{seconds(schedule.min_backoff)} to {seconds(schedule.max_backoff)}",
        "headers": [],
    }
    body = target.get("body")
    have = {
        "cron": actual.get("schedule"),
        "zone": actual.get("timeZone"),
        "target": target.get("uri"),
        "method": target.get("httpMethod", "POST"),
        "identity": token.get("serviceAccountEmail"),
        "audience": token.get("audience"),
        "attempt deadline": actual.get("attemptDeadline"),
        "retries": retry.get("retryCount", 0),
        "body": base64.b64decode(body).decode() if body else None,
        "back-off": f"{retry.get('minBackoffDuration', '5s')} to {retry.get('maxBackoffDuration', '3600s')}",
        "headers": sorted(name for name in target.get("headers", {}) if name.lower() not in OWN_HEADERS),
    }
    return compare(expected, have) + undeclared(
        actual, ("pubsubTarget", "appEngineHttpTarget", "httpTarget.oauthToken")
    )


def _json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, separators=(",", ":"))
