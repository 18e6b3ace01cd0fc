"""The locks install with the pips that people have, after any release of anything."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.locked_extras import completed
from tests.tooling.made_up_index import PIN, fill, installed, wheel
from tests.tooling.pips import DEBIAN, HASHES, NEWEST, command, pip
from tests.tooling.tiny_repository import ROOT

LOCKS = ("local", "dev", "functions", "audit", "uv")
OPTIONS = ("--dry-run", "--no-index", "--require-hashes", "--only-binary=:all:", "--no-input", "--ignore-installed")
UNPINNED = "all requirements must have their versions pinned"


def lock_text(lock: str) -> str:
    return (ROOT / f"deploy/requirements/{lock}.txt").read_text()


def dry_run(version: str, folder: Path, lock: str) -> tuple[int, str]:
    """Try a lock on an index in which a newer version of each of its packages exists."""
    index = folder / "index"
    index.mkdir()
    (folder / "lock.txt").write_text(fill(index, lock, installed()))
    ended = pip(version, "install", *OPTIONS, f"--find-links={index}", "-r", str(folder / "lock.txt"))
    return ended.returncode, ended.stdout + ended.stderr


def without(lock: str, *, extras: bool) -> str:
    """Return a lock without its pins with extras, or without the plain pins of the same packages."""
    doubled = set(re.findall(r"^([\w.-]+)\[", lock, re.MULTILINE))
    kept: list[str] = []
    for block in re.split(r"^(?=[a-z])", lock, flags=re.MULTILINE):
        pin = PIN.match(block.partition("\n")[0])
        if not pin or pin["name"] not in doubled or bool(pin["extras"]) != extras:
            kept.append(block)
    return "".join(kept)


NIGHTLY = [pytest.param(version, marks=pytest.mark.nightly) for version in HASHES if version != DEBIAN]


@pytest.mark.parametrize("version", [DEBIAN, NEWEST, *NIGHTLY])
@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_installs_with_every_pip_though_all_has_newer_releases(lock: str, version: str, tmp_path: Path) -> None:
    """Each pip takes exactly the locked versions, from an index where each package has a newer one."""
    status, talk = dry_run(version, tmp_path, lock_text(lock))
    assert status == 0, talk[-3000:]
    taken = {re.sub(r"[._]", "-", each) for each in talk.partition("Would install ")[2].split()}
    pins = {f"{pin['name']}-{pin['version']}" for pin in map(PIN.match, lock_text(lock).splitlines()) if pin}
    assert taken <= {re.sub(r"[._]", "-", each) for each in pins}
    assert len(taken) >= len(pins) - 3, "what is for other machines only is little"


ONE_FORM = [(True, "google-api-core[grpc]<"), (False, "googleapis-common-protos<")]


@pytest.mark.parametrize(("extras", "package"), ONE_FORM, ids=["plain pins alone", "pins with extras alone"])
def test_either_form_alone_is_refused(extras: bool, package: str, tmp_path: Path) -> None:
    """Plain pins alone, or pins with extras alone, do not install with Debian's pip: what the index is able to show."""
    status, talk = dry_run(DEBIAN, tmp_path, without(lock_text("functions"), extras=extras))
    assert status == 1
    assert UNPINNED in talk
    assert package in talk


@pytest.mark.parametrize("version", [DEBIAN, NEWEST])
def test_a_pip_installs_into_an_environment_without_pip(version: str, tmp_path: Path) -> None:
    """As the environments of bundles are made: the pip of the tests too is run from outside."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True)
    python = tmp_path / "env/bin/python"
    wheel(tmp_path, "nothing-of-this-name", "1.0", [])
    line = [*command(version, python), "install", "--no-index", f"--find-links={tmp_path}", "nothing-of-this-name"]
    ended = subprocess.run(line, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    code = "from importlib.metadata import version as v; print(v('nothing-of-this-name'))"
    assert subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True).stdout == "1.0\n"


def test_a_lock_is_completed_with_every_combination_of_extras() -> None:
    """The plain name, each extra and both together, with one set of hashes; what has none is left as it is."""
    lock = "# by bin/lock\na==1 \\\n    --hash=sha256:0\nb[y,x]==2 ; sys_platform == 'win32' \\\n    --hash=sha256:1\n"
    tail = "==2 ; sys_platform == 'win32' \\\n    --hash=sha256:1\n"
    full = "# by bin/lock\na==1 \\\n    --hash=sha256:0\n" + "".join(f"b{e}{tail}" for e in ("", "[x]", "[y]", "[x,y]"))
    assert completed(lock) == full
    assert completed(full) == full, "a second time changes nothing"


def test_the_locks_are_complete() -> None:
    """What bin/lock writes last changes none of them: nobody edited one by hand."""
    assert [lock for lock in LOCKS if completed(lock_text(lock)) != lock_text(lock)] == []
