"""Functions, what they may and who may call them, as resources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from deploy import rights
from deploy.command_line import CommandLine, gcloud, pairs, seconds
from deploy.manifest import BuildInfo, Function, Manifest, Role, Target
from deploy.resource import Difference, Resource, Right, compare, undeclared

ENTRY = "main"
DEFAULT_DATABASE = "(default)"
# Nothing in the manifest sets these: whoever did changes what is built, or where it reaches.
UNSET = (
    "buildConfig.environmentVariables",
    "buildConfig.workerPool",
    "serviceConfig.secretVolumes",
    "serviceConfig.vpcConnector",
)
STAMPED = ("GIT_COMMIT", "SOURCE_DIGEST")
# What the platform sets by itself; not ours to judge.
PLATFORM = {"LOG_EXECUTION_ID", "FUNCTION_TARGET", "FUNCTION_SIGNATURE_TYPE"}


def roles(manifest: Manifest, place: Target, function: Function) -> Iterator[Resource]:
    member = f"serviceAccount:{place.account(function.service_account)}"
    for role in function.roles:
        yield rights.resource(place, right_of(place, member, role), function.folder)


def right_of(place: Target, member: str, role: Role) -> Right:
    """Return a right as the manifest writes it: on the project, a topic, a dataset or a service."""
    if role.kind == "dataset":
        return rights.on_dataset(place, role.name, member, role.role)
    thing = place.project if role.kind == "project" else role.name
    return Right(role.kind, thing, member, role.role)


def build_account(manifest: Manifest, place: Target) -> str:
    """Return the account that builds, as the API of functions names it."""
    return f"projects/{place.project}/serviceAccounts/{place.account(manifest.build.service_account)}"


def environment(manifest: Manifest, function: Function, place: Target, stamp: BuildInfo) -> dict[str, str]:
    """Return every variable that a deployed function shall have."""
    filled = {name: place.filled(value) for name, value in function.environment.items()}
    if manifest.firestore.database != DEFAULT_DATABASE:
        filled["ORCH_DATABASE"] = manifest.firestore.database
    return filled | {"GIT_COMMIT": stamp.commit, "SOURCE_DIGEST": stamp.digests[function.folder]}


def labels(manifest: Manifest, function: Function, stamp: BuildInfo) -> dict[str, str]:
    return {
        **manifest.labels,
        "commit-sha": stamp.commit.lower(),
        "source-digest": stamp.digests[function.folder],
        "function": function.folder,
    }


def function_resource(manifest: Manifest, place: Target, function: Function, stamp: BuildInfo) -> Resource:
    deploy = deploy_line(manifest, place, function, stamp)
    return Resource(
        kind="function",
        name=function.name,
        read=gcloud("functions describe", function.name, project=place.project, region=place.region, v2=True),
        differences=lambda actual: function_differences(manifest, place, function, stamp, actual),
        create=deploy,
        update=deploy,
        hint="correct what differs and run the same command again; a variable that somebody set goes into "
        f"deploy/functions.yaml, or away: gcloud functions deploy {function.name} --region={place.region} "
        "--remove-env-vars=VARIABLE",
        function=function.folder,
    )


def deploy_line(manifest: Manifest, place: Target, function: Function, stamp: BuildInfo) -> CommandLine:
    """Return the one line that makes or renews a function.

    Variables are merged, never replaced: what was set by hand stays and is reported as drift, nothing is wiped.
    """
    return gcloud(
        "functions deploy",
        function.name,
        project=place.project,
        gen2=True,
        region=place.region,
        runtime=manifest.runtime,
        entry_point=ENTRY,
        source=f"build/{function.folder}",
        trigger_http=True,
        no_allow_unauthenticated=True,
        ingress_settings="all",
        memory=function.memory,
        cpu=number(function.cpu),
        timeout=seconds(function.timeout),
        concurrency=function.concurrency,
        min_instances=function.min_instances,
        max_instances=function.max_instances,
        service_account=place.account(function.service_account),
        build_service_account=build_account(manifest, place),
        serve_all_traffic_latest_revision=True,
        update_env_vars=pairs(environment(manifest, function, place, stamp)),
        update_labels=",".join(f"{key}={value}" for key, value in sorted(labels(manifest, function, stamp).items())),
    )


def function_differences(
    manifest: Manifest, place: Target, function: Function, stamp: BuildInfo, actual: Any
) -> list[Difference]:
    """Judge what `gcloud functions describe` answers; the commit may be older as long as the source is the same."""
    config, build = actual.get("serviceConfig", {}), actual.get("buildConfig", {})
    have_labels, have_env = actual.get("labels", {}), config.get("environmentVariables", {})
    wanted_labels = {k: v for k, v in labels(manifest, function, stamp).items() if k != "commit-sha"}
    return [
        *compare({"state": "ACTIVE", "environment": "GEN_2"}, _state_of(actual)),
        *compare(wanted_labels, have_labels),
        *_settings(_wanted_settings(manifest, place, function), _found_settings(config, build)),
        *_environment_differences(environment(manifest, function, place, stamp), have_env),
        *([Difference("commit-sha label", "a commit", "none")] if not have_labels.get("commit-sha") else []),
        *_unwanted(actual, config),
        *undeclared(actual, UNSET),
    ]


def _state_of(actual: Any) -> dict[str, Any]:
    return {"state": actual.get("state"), "environment": actual.get("environment", "GEN_2")}


def _settings(expected: Mapping[str, Any], actual: Mapping[str, Any]) -> list[Difference]:
    """A repository that is not said is the one of all functions."""
    return compare(
        expected, {**actual, "docker repository": actual["docker repository"] or expected["docker repository"]}
    )


def _wanted_settings(manifest: Manifest, place: Target, function: Function) -> dict[str, Any]:
    return {
        "runtime": manifest.runtime,
        "entry point": ENTRY,
        "memory": function.memory,
        "cpu": number(function.cpu),
        "timeout": int(function.timeout.total_seconds()),
        "concurrency": function.concurrency,
        "min instances": function.min_instances,
        "max instances": function.max_instances,
        "service account": place.account(function.service_account),
        "docker repository": f"projects/{place.project}/locations/{place.region}/repositories/gcf-artifacts",
        "build account": build_account(manifest, place),
        "ingress": "ALLOW_ALL",
    }


def _found_settings(config: Mapping[str, Any], build: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "runtime": build.get("runtime"),
        "entry point": build.get("entryPoint"),
        "build account": build.get("serviceAccount"),
        "docker repository": build.get("dockerRepository"),
        "memory": memory(config.get("availableMemory")),
        "cpu": config.get("availableCpu"),
        "timeout": config.get("timeoutSeconds", 60),
        "concurrency": config.get("maxInstanceRequestConcurrency", 1),
        "min instances": config.get("minInstanceCount", 0),
        "max instances": config.get("maxInstanceCount"),
        "service account": config.get("serviceAccountEmail"),
        "ingress": config.get("ingressSettings", "ALLOW_ALL"),
    }


def _environment_differences(expected: Mapping[str, str], have: Mapping[str, str]) -> list[Difference]:
    """Values are compared for names only: a value may be a secret, and is never shown."""
    differences = [
        Difference(f"environment {name}", "set as in the manifest", "another value" if name in have else "not set")
        for name, value in expected.items()
        if name not in STAMPED and have.get(name) != value
    ]
    differences += [Difference(f"stamp {name}", "set", "not set") for name in STAMPED if not have.get(name)]
    if have.get("SOURCE_DIGEST") not in (None, expected["SOURCE_DIGEST"]):
        differences.append(Difference("environment SOURCE_DIGEST", expected["SOURCE_DIGEST"], have["SOURCE_DIGEST"]))
    extra = have.keys() - expected.keys() - PLATFORM
    return differences + [Difference(f"environment {name}", "not set", "set by hand") for name in sorted(extra)]


def _unwanted(actual: Any, config: Mapping[str, Any]) -> list[Difference]:
    """A generated trigger would deliver everything a second time; a bound secret would be lost with the next deploy."""
    trigger, bound = actual.get("eventTrigger"), config.get("secretEnvironmentVariables") or []
    latest = {"traffic to the latest": config.get("allTrafficOnLatestRevision", False)}
    differences = compare({"traffic to the latest": True}, latest)
    if trigger:
        owned = "none: the manifest owns the subscriptions"
        differences.append(Difference("generated trigger", owned, str(trigger.get("trigger"))))
    named = "none: secrets are read by name"
    return differences + [Difference(f"secret in {binding.get('key')}", named, "bound by hand") for binding in bound]


def invokers(manifest: Manifest, place: Target, function: Function) -> Iterator[Resource]:
    """Who calls a function may call it: bound to the service, where a redeploy has been seen to strip it."""
    callers = [function.push.service_account] if function.push else []
    callers += [
        schedule.service_account for schedule in manifest.schedules.values() if schedule.calls == function.folder
    ]
    members = [f"serviceAccount:{place.account(caller)}" for caller in callers]
    for member in dict.fromkeys((*members, *function.people)):
        right = Right("service", function.name, member, "roles/run.invoker")
        yield rights.resource(place, right, function.folder)


def number(value: float) -> str:
    return f"{value:g}"


def memory(text: str | None) -> str | None:
    """gcloud answers 512M or 512Mi for the same thing."""
    return f"{text}i" if text and text[-1] in "MG" else text
