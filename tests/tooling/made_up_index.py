"""A folder of made-up wheels that ask for what the real ones ask for: each as locked, and in a newer version."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterable, Mapping
from importlib.metadata import distributions
from pathlib import Path

from packaging.utils import canonicalize_name
from packaging.version import Version

PIN = re.compile(r"^(?P<name>[\w.-]+)(?P<extras>\[\S+\])?==(?P<version>\S+)(?P<marker> ;.*)? \\$")


def installed() -> dict[tuple[str, str], list[str]]:
    """Return what each installed distribution asks for, by name and version."""
    return {(canonicalize_name(dist.name), dist.version): dist.requires or [] for dist in distributions()}


def fill(folder: Path, lock: str, asks: Mapping[tuple[str, str], Iterable[str]]) -> str:
    """Write two wheels for each package of a lock; return the lock with the hash of the older one for its own."""
    written: list[str] = []
    pins = [pin for pin in map(PIN.match, lock.splitlines()) if pin]
    pinned: dict[str, set[str]] = {}
    for pin in pins:
        pinned.setdefault(canonicalize_name(pin["name"]), set()).update(re.findall(r"[\w.-]+", pin["extras"] or ""))
    for pin in pins:
        name, version = canonicalize_name(pin["name"]), pin["version"]
        requires = asks.get((name, version), ())  # nothing is known of what is for other machines only
        wheel(folder, name, newer(version), requires, pinned[name])
        written += [pin[0], f"    --hash=sha256:{wheel(folder, name, version, requires, pinned[name])}"]
    return "\n".join(written) + "\n"


def newer(version: str) -> str:
    """Return a version that comes right after this one, so that whatever allows this one allows it."""
    parsed = Version(version)
    return version.replace(f".post{parsed.post}", f".post{parsed.post + 1}") if parsed.post else f"{version}.post1"


def wheel(folder: Path, name: str, version: str, requires: Iterable[str], provides: Iterable[str] = ()) -> str:
    """Write a wheel that holds nothing but its metadata; return its SHA-256."""
    stem = f"{name.replace('-', '_')}-{version}"
    extras = sorted({*provides, *re.findall(r"""extra == ['"]([^'"]+)['"]""", "\n".join(requires))})
    metadata = [
        *("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}"),
        *(f"Provides-Extra: {extra}" for extra in extras),
        *(f"Requires-Dist: {requirement}" for requirement in requires),
    ]
    path = folder / f"{stem}-py3-none-any.whl"
    files = {
        "METADATA": "\n".join(metadata) + "\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            # Without the time of writing: a wheel that is written twice has one hash.
            wheel.writestr(zipfile.ZipInfo(f"{stem}.dist-info/{name}"), text)
    return hashlib.sha256(path.read_bytes()).hexdigest()
