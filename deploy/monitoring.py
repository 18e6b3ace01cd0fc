"""Log-based metrics, dashboard, alert policies and SLOs: files in deploy/observability, rendered and as resources."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from deploy.command_line import gcloud
from deploy.manifest import ROOT, Channel, Manifest, Target
from deploy.resource import BESIDE, FOUND, Both, Difference, Resource, compare, undeclared

STAMP = "source-digest"
EMPTY: tuple[Any, ...] = (None, "", 0, False, [], {}, "0s")
LONGEST = 160
OF_THE_SERVER = ("name", "creationRecord", "mutationRecord", "validity", "etag", "notificationChannels")
# What makes a distribution of a metric: none of them stands in one that counts lines.
VALUE = ("valueExtractor", "bucketOptions")
RENDERED = "build/observability"
SERVICE = "phase-orchestrator"
# The kinds of channels that hold no secret, with the label that says whom they reach; the others are made by hand.
BY_HAND = "by_hand"
CHANNELS = {"email": "email_address", "sms": "number", "pubsub": "topic", BY_HAND: None}


def rendered(manifest: Manifest, root: Path = ROOT) -> dict[str, dict[str, Any]]:
    """Return every file of build/observability by its path: the API's own types, stamped with their digest."""
    folder = root / "deploy" / "observability"
    files = {f"metrics/{name}.json": metric for name, metric in metrics(manifest, folder).items()}
    for path in sorted([folder / "dashboard.json", *folder.glob("alerts/*.json")]):
        content = json.loads(_filled(path.read_text(encoding="utf-8"), manifest))
        files[path.relative_to(folder).as_posix()] = _stamped(content, path.parent.name)
    for path in sorted(folder.glob("slos/*.json")):
        files |= _objectives(path, manifest)
    return files


def _objectives(path: Path, manifest: Manifest) -> dict[str, dict[str, Any]]:
    """Return an objective of each pipeline: of all together, one that is late always would be lost among the others."""
    text = _filled(path.read_text(encoding="utf-8"), manifest)
    own, *others = manifest.pipelines
    files = {f"slos/{path.name}": json.loads(text.replace("{pipeline}", own))}
    for name in others:
        content = json.loads(text.replace("{pipeline}", name))
        files[f"slos/{path.stem}_{name}.json"] = {**content, "displayName": f"{name}: {content['displayName']}"}
    return files


def metrics(manifest: Manifest, folder: Path) -> dict[str, dict[str, Any]]:
    """Return the log-based metrics as LogMetric messages, by name."""
    declared: Mapping[str, Any] = yaml.safe_load((folder / "metrics.yaml").read_text(encoding="utf-8"))
    return {name: _metric(name, metric, manifest) for name, metric in declared.items()}


def write(files: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def metric_resources(manifest: Manifest, place: Target, root: Path = ROOT) -> Iterator[Resource]:
    for name, content in metrics(manifest, root / "deploy" / "observability").items():
        yield _metric_resource(place, content, f"{RENDERED}/metrics/{name}.json")


def resources(manifest: Manifest, place: Target, root: Path = ROOT) -> Iterator[Resource]:
    """Yield channels, dashboard, alert policies, and whom these tell; the policies name the metrics."""
    for channel in manifest.notify:
        yield _channel(place, channel)
    files = rendered(manifest, root)
    for name, content in files.items():
        path = f"{RENDERED}/{name}"
        kind = name.split("/")[0]
        if kind == "dashboard.json":
            yield _listed("dashboard", "monitoring dashboards", "config-from-file", "labels", place, content, path)
        elif kind == "alerts":
            yield _listed(
                "alert policy", "alpha monitoring policies", "policy-from-file", "userLabels", place, content, path
            )
            # After its policy: one that is renewed from its file has forgotten whom it notifies.
            yield from (_route(place, content["displayName"], channel) for channel in manifest.notify)


def _metric(name: str, metric: Mapping[str, Any], manifest: Manifest) -> dict[str, Any]:
    events = " OR ".join(f'"{event}"' for event in metric["events"])
    services = " OR ".join(f'"{name}"' for name in _services(manifest))
    parts = [
        'resource.type="cloud_run_revision"',
        f"resource.labels.service_name=({services})",
        # By whose line it is the label tells; what a function of ours logs of no pipeline counts for none.
        "jsonPayload.pipeline:*" if manifest.others else f'jsonPayload.pipeline="{manifest.policy.pipeline}"',
        f"jsonPayload.message=({events})",
        *([metric["where"]] if "where" in metric else []),
    ]
    labels = ["pipeline", *metric.get("labels", [])]
    value = metric.get("value")
    return {
        "name": name,
        "description": metric["says"],
        "filter": " AND ".join(parts),
        **(_distribution(metric) if value else {}),
        "metricDescriptor": {
            "metricKind": "DELTA",
            "valueType": "DISTRIBUTION" if value else "INT64",
            "unit": "s" if value and value.endswith("_seconds") else "1",
            "displayName": metric["says"],
            "labels": [{"key": label, "valueType": "STRING"} for label in labels],
        },
        "labelExtractors": {label: f"EXTRACT(jsonPayload.{label})" for label in labels},
    }


def _distribution(metric: Mapping[str, Any]) -> dict[str, Any]:
    """Return what makes a metric the distribution of a number of its lines."""
    return {
        "valueExtractor": f"EXTRACT(jsonPayload.{metric['value']})",
        "bucketOptions": {"explicitBuckets": {"bounds": [float(bound) for bound in metric["bounds"]]}},
    }


def _filled(text: str, manifest: Manifest) -> str:
    """Put the manifest's own names in: a prefix alone would take in what others named alike."""
    subscriptions = [
        function.subscription(topic)
        for function in manifest.functions.values()
        for topic in (function.push.topics if function.push else ())
    ]
    names = {
        "{prefix}": manifest.prefix,
        "{dead_letter}": manifest.dead_letter.subscription,
        "{subscriptions}": _listing(subscriptions, ", "),
        "{services}": _listing(_services(manifest), ", "),
        "{services_or}": _listing(_services(manifest), " OR "),
        "{or_none_of_a_pipeline}": "".join(_none_of(name) for name in manifest.pipelines),
    }
    for mark, value in names.items():
        text = text.replace(mark, value)
    return text


def _none_of(pipeline: str) -> str:
    """Return, in a query in quotes, the nought of a pipeline of which a metric has no series at all."""
    words = ", ".join(f'\\"{word}\\"' for word in ("pipeline", pipeline, "", ""))
    return f" or label_replace(vector(0), {words})"


def _services(manifest: Manifest) -> list[str]:
    return [function.name for function in manifest.functions.values()]


def _listing(names: Iterable[str], between: str) -> str:
    """Return names in quotes, as they are in a text that is itself quoted in JSON."""
    return between.join(f'\\"{name}\\"' for name in names)


def _stamped(content: dict[str, Any], kind: str) -> dict[str, Any]:
    if kind == "slos":
        return content
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:40]
    label = "userLabels" if kind == "alerts" else "labels"
    return {**content, label: {**content.get(label, {}), STAMP: digest}}


def _metric_resource(place: Target, content: Mapping[str, Any], path: str) -> Resource:
    name = content["name"]

    def judge(actual: Any) -> list[Difference]:
        have = {**actual, "metricDescriptor": _counted(actual), "disabled": actual.get("disabled", False)}
        expected = {**content, "metricDescriptor": _counted(content), "disabled": False}
        keys = ("description", "filter", "labelExtractors", "metricDescriptor", "disabled", *VALUE)
        changed = [
            (key, expected.get(key), have.get(key))
            for key in keys
            if filled(expected.get(key)) != filled(have.get(key)) and (key not in VALUE or key in content)
        ]
        differences = [Difference(key, _value_text(value), _value_text(other)) for key, value, other in changed]
        more = tuple(key for key in VALUE if key not in content)
        return differences + undeclared(actual, (*more, "bucketName"))

    return Resource(
        kind="log metric",
        name=name,
        read=gcloud("logging metrics describe", name, project=place.project),
        differences=judge,
        create=gcloud("logging metrics create", name, project=place.project, config_from_file=path),
        update=gcloud("logging metrics update", name, project=place.project, config_from_file=path),
    )


def _counted(metric: Mapping[str, Any]) -> dict[str, Any]:
    """Return what decides how a metric counts; a label that does not say its type holds text."""
    descriptor = metric.get("metricDescriptor", {})
    labels = {label["key"]: label.get("valueType", "STRING") for label in descriptor.get("labels", [])}
    return {**{key: descriptor.get(key) for key in ("metricKind", "valueType", "unit")}, "labels": labels}


def filled(value: Any) -> Any:
    """Return a message without what is as if it were not there: the API leaves out what is empty, none or nought."""
    if isinstance(value, Mapping):
        parts = {key: filled(item) for key, item in value.items()}
        return {key: item for key, item in parts.items() if item not in EMPTY}
    return [filled(item) for item in value] if isinstance(value, list) else value


def _value_text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def policy_differences(content: Mapping[str, Any], actual: Mapping[str, Any]) -> list[Difference]:
    """Judge an alert policy as a whole; what the server adds, and whom it tells, is not of its file."""
    expected, have = _policy(content), _policy(actual)
    changed = [key for key in sorted({*expected, *have}) if expected.get(key) != have.get(key)]
    return [
        Difference(key, _value_text(expected.get(key)), _value_text(have.get(key)))
        for key in changed
        if key != "userLabels"
    ]


def _policy(content: Mapping[str, Any]) -> dict[str, Any]:
    conditions = [
        {key: value for key, value in condition.items() if key != "name"} for condition in content.get("conditions", [])
    ]
    kept = {key: value for key, value in content.items() if key not in OF_THE_SERVER}
    whole: dict[str, Any] = filled({**kept, "conditions": conditions})
    return whole


def _channel(place: Target, channel: Channel) -> Resource:
    """One that hears alerts; its name is the server's, so the list is searched."""
    by_hand = channel.type == BY_HAND
    labels = ",".join(f"{key}={value}" for key, value in sorted(channel.labels.items())) or None

    def judge(actual: Any) -> list[Difference]:
        more = [Difference("copies", "1", str(len(actual)))] if len(actual) > 1 else []
        expected = {"enabled": True} | ({} if by_hand else {"type": channel.type, "labels": dict(channel.labels)})
        have = {
            "enabled": actual[0].get("enabled", True),
            "type": actual[0].get("type"),
            "labels": actual[0].get("labels"),
        }
        return more + compare(expected, have)

    made: dict[str, Any] = {"type": channel.type, "enabled": True}
    command = "beta monitoring channels"
    create = gcloud(
        f"{command} create", project=place.project, display_name=channel.name, channel_labels=labels, **made
    )
    update = gcloud(f"{command} update", FOUND, project=place.project, update_channel_labels=labels, **made)
    return Resource(
        kind="channel",
        name=channel.name,
        read=gcloud(f"{command} list", project=place.project, filter=f'displayName="{channel.name}"'),
        differences=judge,
        create=None if by_hand else create,
        update=None if by_hand else update,
        hint="in Cloud Monitoring, let there be one notification channel with the display name "
        f"{channel.name}, enabled",
    )


def _route(place: Target, title: str, channel: Channel) -> Resource:
    """That a policy tells a channel."""

    def judge(both: Both) -> list[Difference]:
        channels = both.found[0].get("notificationChannels", [])
        if both.beside and both.beside[0]["name"] in channels:
            return []
        return [Difference("notifies", channel.name, f"{len(channels)} others" if channels else "nobody")]

    policies = "alpha monitoring policies"
    return Resource(
        kind="alert route",
        name=f"{title} to {channel.name}",
        read=gcloud(f"{policies} list", project=place.project, filter=f'displayName="{title}"'),
        beside=gcloud("beta monitoring channels list", project=place.project, filter=f'displayName="{channel.name}"'),
        differences=judge,
        create=None,
        update=gcloud(f"{policies} update", FOUND, project=place.project, add_notification_channels=BESIDE),
        hint="policy and channel come first",
    )


def _listed(
    kind: str, command: str, flag: str, label: str, place: Target, content: Mapping[str, Any], path: str
) -> Resource:
    """One that is known by its display name only: the list is searched, and an update names what was found."""
    title, digest = content["displayName"], content[label][STAMP]
    flags: dict[str, Any] = {flag.replace("-", "_"): path}

    def judge(actual: Any) -> list[Difference]:
        have = actual[0].get(label, {}).get(STAMP, "none")
        more = [Difference("copies", "1", str(len(actual)))] if len(actual) > 1 else []
        stale = [] if have == digest else [Difference(STAMP, digest, have)]
        return more + stale + (policy_differences(content, actual[0]) if label == "userLabels" else [])

    return Resource(
        kind=kind,
        name=title,
        read=gcloud(f"{command} list", project=place.project, filter=f'displayName="{title}"'),
        differences=judge,
        create=gcloud(f"{command} create", project=place.project, **flags),
        update=gcloud(f"{command} update", FOUND, project=place.project, **flags),
        hint="remove the copies by hand",
    )
