"""What the manifest declares of schedules and subscriptions, as a bundle carries it: config/inventory.json.

Whoever judges what is deployed compares with what its own bundle was built from. Only the functions that do so carry
the file, for everything that is in a bundle is in its digest.
"""

from __future__ import annotations

import json

from deploy.manifest import Manifest

NAME = "config/inventory.json"
READER = "shared/adapters/google/inventory.py"


def inventory(manifest: Manifest) -> str:
    """Return the file, names in order."""
    letter = manifest.dead_letter
    ours = {
        function.subscription(topic): topic
        for function in manifest.functions.values()
        for topic in (function.push.topics if function.push else ())
    }
    beside = {name: topic for topic, outside in manifest.topics.items() for name in outside.read_by}
    document = {
        "region": manifest.region,
        "schedules": {name: [schedule.cron, schedule.zone] for name, schedule in manifest.schedules.items()},
        "subscriptions": {**ours, **beside, letter.subscription: letter.topic},
        "beside": sorted(beside),
        "dead_letters": letter.subscription,
        "topics": sorted(manifest.topics),
        "functions": sorted(function.name for function in manifest.functions.values()),
    }
    return json.dumps(document, indent=1, sort_keys=True) + "\n"
