"""The reference pages say what is so: the first pipeline, the environment, the scenario format, the schemas' lines."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared import runtime
from shared.simulation import parse, parse_events, parse_expect
from tests.tooling.test_readme import blocks
from tests.tooling.tiny_repository import ROOT, run

GUIDE = (ROOT / "config" / "README.md").read_text(encoding="utf-8")
FORMAT = (ROOT / "tests" / "scenarios" / "FORMAT.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```yaml\n(.*?)```", GUIDE, re.DOTALL))
SOURCES = [path for folder in ("shared", "deploy") for path in (ROOT / folder).rglob("*.py")]
# A key, and where in a scenario it may stand.
ROW = re.compile(r"^\| `(\w+)` \| ([\w, ]+) \|", re.MULTILINE)
# Read by the scripts and the tests, and named in the words below the table.
OF_THE_TESTS = {"REQUIRE_EMULATORS", "REQUIRE_BROWSER", "PYTHON"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the files that the guide tells its reader to write."""
    place = tmp_path_factory.mktemp("my pipeline")
    for name, text in FILES.items():
        (place / name).write_text(text, encoding="utf-8")
    return place


@pytest.mark.parametrize("command", [command for block in blocks(GUIDE) for command in block.commands])
def test_a_command_of_the_guide_prints_what_the_guide_shows(folder: Path, command: str) -> None:
    """A reader who writes the two files and types the line sees the lines that are shown, among others."""
    answer = run(str(ROOT / command.split()[0]), *command.split()[1:], cwd=folder)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    shown = GUIDE.split(f"$ {command}\n")[1].split("\n$ ")[0].split("\n```")[0]
    printed = [line.strip() for line in answer.stdout.splitlines()]
    assert [line for line in shown.splitlines() if line.strip() not in printed] == []


def variables(text: str) -> set[str]:
    return set(re.findall(r"\b(?:ORCH_[A-Z_]+|[A-Z]+_EMULATOR_HOST|GOOGLE_CLOUD_PROJECT)\b", text))


def test_the_table_has_every_variable_that_the_code_reads() -> None:
    """Of those that we or Google's libraries name; no other, and each choice with its words, the default first."""
    table = GUIDE.split("## Environment")[1]
    code = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    assert variables(table) == variables(code)
    for name, words in runtime.CHOICES.items():
        row = next(line for line in table.splitlines() if line.startswith(f"| `{name}` |"))
        assert set(re.findall(r"`([a-z_]+)`", row)) == set(words)
        assert row.endswith(f"| `{words[0]}` |")
    scripts = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "bin").iterdir() if path.is_file())
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("*.py"))
    for name in OF_THE_TESTS:
        assert f"`{name}" in table
        assert name in scripts + tests


def named(part: str) -> set[str]:
    """Return the keys in the first column of the tables of a part of the format."""
    cells = re.findall(r"^\| ([^|]+) \|", part, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([a-z_]+)[:`]", cell)}


def test_the_format_names_every_key_that_is_read() -> None:
    """Keys of the file, of given, events and expect; none that is not read, none that is not told."""
    head, given, events, expect = (
        FORMAT.split(f"{title}\n")[1] for title in ("## File", "### given", "### events", "### expect")
    )
    later = FORMAT.split("## Workflows and batches\n")[1].split("\n## ")[0]
    more = {
        place: {key for key, where in ROW.findall(later) if place in where} for place in ("given", "event", "expect")
    }
    assert named(head.split("### ")[0]) == {*parse.REQUIRED, *parse.OPTIONAL} - {"seed"}
    assert named(given.split("### ")[0]) | more["given"] == {*parse.WORLD, "rows_follow", "workflow_runs", "usual"}
    assert named(events.split("### ")[0]) | more["event"] == set(parse_events.KINDS)
    reader: Any = parse_expect.ExpectationReader
    policy = parse._policy(ROOT / "tests/scenarios/own/x.yaml", None, None)
    kinds = reader(policy, None, (None, None), None).kinds
    assert named(expect.split("## Workflows")[0]) | more["expect"] == set(kinds)


@pytest.mark.parametrize(
    "name", ["config/nba.yaml", "config/workflows.yaml", "config/validation.yaml", "deploy/functions.yaml"]
)
def test_an_editor_finds_the_schema(name: str) -> None:
    """The first line of each file names its schema, which is there; it is a comment and changes nothing."""
    path = ROOT / name
    first = path.read_text(encoding="utf-8").splitlines()[0]
    schema = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
    assert schema is not None
    assert (path.parent / schema[1]).is_file()
    assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)
