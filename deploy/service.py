"""What serves a function: its Cloud Run service, which can be changed behind the back of the function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deploy.command_line import gcloud
from deploy.compute import PLATFORM, STAMPED, environment, memory, number
from deploy.manifest import BuildInfo, Function, Manifest, Target
from deploy.resource import Difference, Resource, compare, undeclared

RUN = "run.googleapis.com"
# Only what tells the platform who may come in and where the revision reaches: the other annotations are its own notes.
CHECK, INGRESS, NO_URL = f"{RUN}/invoker-iam-disabled", f"{RUN}/ingress", f"{RUN}/default-url-disabled"
NETWORK = (f"{RUN}/vpc-access-connector", f"{RUN}/network-interfaces", f"{RUN}/cloudsql-instances")
LEAST, MOST = "autoscaling.knative.dev/minScale", "autoscaling.knative.dev/maxScale"
# Set for the whole service by hand it outlives every deploy; and what is paid for between two calls.
SERVICE_LEAST, THROTTLED = f"{RUN}/minScale", f"{RUN}/cpu-throttling"
UNSET = ("volumes", "containers.command", "containers.args", "containers.envFrom", "containers.volumeMounts")


def service_resource(manifest: Manifest, place: Target, function: Function, stamp: BuildInfo) -> Resource:
    """The revision that serves: the newest one, ready, with all traffic, and as it was deployed."""
    return Resource(
        kind="serving revision",
        name=function.name,
        read=gcloud("run services describe", function.name, project=place.project, region=place.region),
        differences=lambda actual: service_differences(manifest, place, function, stamp, actual),
        create=None,
        update=gcloud(
            "run services update-traffic", function.name, project=place.project, region=place.region, to_latest=True
        ),
        hint=f"see gcloud run services logs read {function.name} --region={place.region}; what somebody changed on the "
        f"service alone ends with a new deploy: the line of function {function.name} in bin/deploy plan",
        function=function.folder,
    )


def service_differences(
    manifest: Manifest, place: Target, function: Function, stamp: BuildInfo, actual: Any
) -> list[Difference]:
    """Judge what `gcloud run services describe` answers."""
    template = actual.get("spec", {}).get("template", {})
    notes, spec = template.get("metadata", {}).get("annotations", {}), template.get("spec", {})
    whole = actual.get("metadata", {}).get("annotations", {})
    containers = spec.get("containers") or [{}]
    flat = {**spec, "containers": containers[0]}
    return [
        *_traffic(actual.get("status", {})),
        *_door(whole),
        *compare(_wanted(manifest, place, function), _found(spec, containers, notes)),
        *_image(place, function, str(containers[0].get("image", ""))),
        *_variables(environment(manifest, function, place, stamp), containers[0].get("env", [])),
        *undeclared(flat, UNSET),
        *(Difference(name, "not set", "set") for name in NETWORK if notes.get(name)),
    ]


def _traffic(status: Mapping[str, Any]) -> list[Difference]:
    ready = {condition["type"]: condition["status"] for condition in status.get("conditions", [])}.get("Ready")
    newest = status.get("latestCreatedRevisionName")
    share = {
        target.get("revisionName"): target.get("percent", 0)
        for target in status.get("traffic", [])
        if target.get("percent")
    }
    return compare({"ready": "True", "revision serving": {newest: 100}}, {"ready": ready, "revision serving": share})


def _door(notes: Mapping[str, str]) -> list[Difference]:
    """Whether callers are asked who they are and reach the address they were given; whether instances wait for them."""
    expected = {"invoker check": "on", "ingress": "all", "address": "on", "min instances of the service": "0"}
    have = {
        "invoker check": "off" if notes.get(CHECK, "").lower() == "true" else "on",
        "ingress": notes.get(INGRESS, "all"),
        "address": "off" if notes.get(NO_URL, "").lower() == "true" else "on",
        "min instances of the service": notes.get(SERVICE_LEAST, "0"),
    }
    return compare(expected, have)


def _wanted(manifest: Manifest, place: Target, function: Function) -> dict[str, Any]:
    return {
        "account": place.account(function.service_account),
        "concurrency": function.concurrency,
        "timeout": int(function.timeout.total_seconds()),
        "min instances": str(function.min_instances),
        "max instances": str(function.max_instances),
        "CPU between calls": "off",
        "containers": 1,
        "memory": function.memory,
        "cpu": number(function.cpu),
        "other limits": [],
    }


def _found(spec: Mapping[str, Any], containers: list[Any], notes: Mapping[str, str]) -> dict[str, Any]:
    limits = containers[0].get("resources", {}).get("limits", {})
    return {
        "account": spec.get("serviceAccountName"),
        "concurrency": spec.get("containerConcurrency"),
        "timeout": spec.get("timeoutSeconds"),
        "min instances": str(notes.get(LEAST, 0)),
        "max instances": str(notes.get(MOST)),
        "CPU between calls": "on" if notes.get(THROTTLED, "").lower() == "false" else "off",
        "containers": len(containers),
        "memory": memory(limits.get("memory")),
        "cpu": _cpu(limits.get("cpu")),
        "other limits": sorted(limits.keys() - {"cpu", "memory"}),
    }


def _cpu(text: str | None) -> str | None:
    """Kubernetes writes a CPU as 1 or as 1000m."""
    return number(int(text[:-1]) / 1000) if text and text.endswith("m") else text


def _image(place: Target, function: Function, image: str) -> list[Difference]:
    """What the function's own build made lies in the repository of all functions, under a name with its own in it."""
    repository = f"{place.region}-docker.pkg.dev/{place.project}/gcf-artifacts/"
    mine = _plain(function.name) in _plain(image.removeprefix(repository))
    if image.startswith(repository) and mine:
        return []
    return [Difference("image", f"{repository}... of {function.name}", image or "none")]


def _plain(name: str) -> str:
    """Return a name without the marks that the platform doubles when it makes one name of several."""
    return name.replace("-", "").replace("_", "")


def _variables(expected: Mapping[str, str], env: list[Any]) -> list[Difference]:
    """Compare all variables; names are said and values never, but for the digest and the commit."""
    have = {variable["name"]: variable.get("value") for variable in env}
    differences = [
        Difference(f"environment {name}", "as declared", "not set" if have.get(name) is None else "another value")
        for name in sorted(expected.keys() - set(STAMPED))
        if have.get(name) != expected[name]
    ]
    extra = sorted(have.keys() - expected.keys() - PLATFORM)
    differences += [Difference(f"environment {name}", "not set", "set by hand") for name in extra]
    if not have.get("GIT_COMMIT"):
        differences.append(Difference("environment GIT_COMMIT", "a commit", "none"))
    return differences + compare({"digest": expected["SOURCE_DIGEST"]}, {"digest": have.get("SOURCE_DIGEST")})
