"""What may be done with our accounts, and what the one that builds may do, as resources.

On an account a right can be given only once it is there: after the accounts, and before all that acts as one.
"""

from __future__ import annotations

from collections.abc import Iterator

from deploy import rights
from deploy.manifest import Manifest, Target
from deploy.resource import Resource, Right

ACT_AS, TOKENS = "roles/iam.serviceAccountUser", "roles/iam.serviceAccountTokenCreator"


def resources(manifest: Manifest, place: Target) -> Iterator[Resource]:
    """Yield the rights on accounts, then those of the account that builds."""
    agent = f"serviceAccount:{place.pubsub_agent}"
    # Without it no push carries a token, and every one is refused.
    for name in pushers(manifest):
        yield rights.resource(place, Right("service account", name, agent, TOKENS))
    for member in manifest.deployers:
        for name in manifest.service_accounts:
            yield rights.resource(place, Right("service account", name, place.filled(member), ACT_AS))
        for name in callers(manifest):
            yield rights.resource(place, Right("service account", name, place.filled(member), TOKENS))
    builder = f"serviceAccount:{place.account(manifest.build.service_account)}"
    for role in manifest.build.roles:
        yield rights.resource(place, Right("project", place.project, builder, role))


def pushers(manifest: Manifest) -> list[str]:
    """Return the accounts that Pub/Sub delivers as."""
    return list(
        dict.fromkeys(function.push.service_account for function in manifest.functions.values() if function.push)
    )


def callers(manifest: Manifest) -> list[str]:
    """Return the accounts that call functions: whoever deploys asks as them whether a function answers."""
    schedulers = (schedule.service_account for schedule in manifest.schedules.values())
    return list(dict.fromkeys([*pushers(manifest), *schedulers]))
