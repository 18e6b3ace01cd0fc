"""What whoever deploys must be allowed to, and asking Google whether they are.

The roles on the project are given by hand, with the commands of deploy/README.md; those on accounts come with these.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from deploy.command_line import CommandLine, gcloud
from deploy.identities import ACT_AS, TOKENS, callers
from deploy.manifest import Manifest, Target
from deploy.resource import Right
from deploy.rights import give_line
from deploy.runner import CommandFailed, Runner, ask, order

# Each role with one permission that no other of them gives, by which it is known whether the deployer has it.
ROLES = {
    "roles/cloudfunctions.developer": "cloudfunctions.functions.create",
    "roles/run.admin": "run.services.setIamPolicy",
    "roles/pubsub.admin": "pubsub.topics.setIamPolicy",
    "roles/cloudscheduler.admin": "cloudscheduler.jobs.create",
    "roles/secretmanager.admin": "secretmanager.secrets.setIamPolicy",
    "roles/datastore.owner": "datastore.databases.create",
    "roles/bigquery.admin": "bigquery.datasets.create",
    "roles/logging.configWriter": "logging.logMetrics.create",
    "roles/monitoring.editor": "monitoring.alertPolicies.create",
    "roles/serviceusage.serviceUsageAdmin": "serviceusage.services.enable",
    "roles/iam.serviceAccountAdmin": "iam.serviceAccounts.setIamPolicy",
    "roles/resourcemanager.projectIamAdmin": "resourcemanager.projects.setIamPolicy",
}
ON_ACCOUNTS = {ACT_AS: "iam.serviceAccounts.actAs", TOKENS: "iam.serviceAccounts.getOpenIdToken"}
LONGEST_SECONDS = 30


@dataclass(frozen=True)
class Lack:
    """A right that whoever is logged in does not have, directly or by a group, and the line that gives it."""

    right: Right
    line: CommandLine


def lacks(manifest: Manifest, place: Target, member: str, run: Runner) -> list[Lack]:
    """Return what ``member``, who is logged in, may not on the project and on those accounts that are there already.

    Raises ``CommandFailed`` where Google cannot be asked.
    """
    token = _token(place, run)
    gaps = list(_on_project(place, member, token, run))
    there = {
        str(account["email"]) for account in ask(run, gcloud("iam service-accounts list", project=place.project)) or []
    }
    for name in (
        service_account for service_account in manifest.service_accounts if place.account(service_account) in there
    ):
        acted_roles = [ACT_AS, *([TOKENS] if name in callers(manifest) else [])]
        url = f"https://iam.googleapis.com/v1/projects/{place.project}/serviceAccounts/{place.account(name)}"
        allowed = _allowed(url, [ON_ACCOUNTS[role] for role in acted_roles], token, run)
        gaps += [
            _lack(place, Right("service account", name, member, role))
            for role in acted_roles
            if ON_ACCOUNTS[role] not in allowed
        ]
    return gaps


def member_of(account: str) -> str:
    """Return whom gcloud names by an address, as IAM does."""
    kind = "serviceAccount" if account.endswith(".gserviceaccount.com") else "user"
    return f"{kind}:{account}"


def _on_project(place: Target, member: str, token: str, run: Runner) -> Iterator[Lack]:
    url = f"https://cloudresourcemanager.googleapis.com/v1/projects/{place.project}"
    allowed = _allowed(url, list(ROLES.values()), token, run)
    for role, permission in ROLES.items():
        if permission not in allowed:
            yield _lack(place, Right("project", place.project, member, role))


def _lack(place: Target, right: Right) -> Lack:
    return Lack(right, give_line(place, right))


def _token(place: Target, run: Runner) -> str:
    line = gcloud("auth print-access-token", project=place.project)
    try:
        token = json.loads(order(run, line).out)["token"]
    except (ValueError, KeyError, TypeError):
        raise CommandFailed(line, "answered no access token") from None
    return str(token)


def _allowed(url: str, permissions: list[str], token: str, run: Runner) -> set[str]:
    """Ask which of some permissions whoever the token is of has, groups and folders counted in."""
    limits = ("--silent", "--show-error", "--max-time", str(LONGEST_SECONDS))
    body = ("--header", "Content-Type: application/json", "--data-binary", json.dumps({"permissions": permissions}))
    words = ("curl", *limits, "--request", "POST", "--header", "@-", *body, f"{url}:testIamPermissions")
    line = CommandLine(words, f"Authorization: Bearer {token}\n")
    output = order(run, line).out
    try:
        answer = json.loads(output)
    except ValueError:
        answer = None
    # curl ends well whatever the status, and an empty object says that nothing is allowed.
    if not isinstance(answer, dict) or "error" in answer:
        raise CommandFailed(line, f"error: no permissions in the answer: {output[:200]}")
    return set(answer.get("permissions", []))
