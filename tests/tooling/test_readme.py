"""The README is tested: each command line it shows in a ``console`` block runs and succeeds.

A block is left out only by a comment right above it: ``<!-- not run: reason -->`` for what needs a
cloud project, or ``<!-- run by: tests/... -->`` naming the test that runs it elsewhere.
"""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tooling.tiny_repository import ROOT, run

MARK = re.compile(r"<!-- (not run|run by): (.+) -->")
ANY_MARK = re.compile(r"<!--\s*(not.?run|run.?by)", re.IGNORECASE)
LEFT_OUT_AT_MOST = 6


@dataclass(frozen=True)
class Block:
    """A fenced ``console`` block: its first line's number, its commands, and the comment that leaves it out."""

    line: int
    commands: tuple[str, ...]
    not_run: str = ""
    run_by: str = ""


def blocks(text: str) -> list[Block]:
    code_blocks = []
    rows = text.splitlines()
    for number, row in enumerate(rows):
        if row.strip() != "```console":
            continue
        inside = rows[number + 1 : rows.index("```", number + 1)]
        above = next((line for line in reversed(rows[:number]) if line.strip()), "")
        mark = MARK.fullmatch(above.strip())
        kind, value = (mark[1], mark[2]) if mark else ("", "")
        code_blocks.append(
            Block(
                line=number + 1,
                commands=_commands(inside),
                not_run=value if kind == "not run" else "",
                run_by=value if kind == "run by" else "",
            )
        )
    return code_blocks


def _commands(rows: list[str]) -> tuple[str, ...]:
    joined = re.sub(r"\\\n\s*(?:> )?", "", "\n".join(rows))
    return tuple(row.removeprefix("$ ").strip() for row in joined.splitlines() if row.startswith("$ "))


README = blocks((ROOT / "README.md").read_text())
TO_RUN = [
    (block.line, command) for block in README for command in block.commands if not (block.not_run or block.run_by)
]


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the files git would clone, those not yet added included, with the environments there are."""
    root = tmp_path_factory.mktemp("readme") / "clone"
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    if listed.returncode == 0:
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, root / name)
    else:
        shutil.copytree(ROOT, root, ignore=shutil.ignore_patterns(".venv*", ".*_cache", "__pycache__", "build", ".git"))
    for env in (".venv", ".venv-demo"):
        if (ROOT / env).exists():
            (root / env).symlink_to(ROOT / env)
    return root


@pytest.mark.xdist_group("readme")
@pytest.mark.parametrize(("line", "command"), TO_RUN, ids=[command for _, command in TO_RUN])
def test_a_command_of_the_readme_succeeds(clone: Path, line: int, command: str) -> None:
    """A reader who types this line sees it succeed."""
    answer = run("bash", "-c", command, cwd=clone)
    assert answer.returncode == 0, f"README.md:{line}: $ {command}\n{answer.stdout}{answer.stderr}"


def test_blocks_run_elsewhere_name_a_test() -> None:
    """A block that claims to be run by a test names a file that exists."""
    named = [block.run_by for block in README if block.run_by]
    assert [name for name in named if not (name.startswith("tests/") and (ROOT / name).is_file())] == []


def test_only_few_blocks_are_not_run() -> None:
    """Leaving out is the exception, and a misspelt mark leaves nothing out unseen."""
    text = (ROOT / "README.md").read_text()
    assert len([block for block in README if block.not_run]) <= LEFT_OUT_AT_MOST
    assert len(ANY_MARK.findall(text)) == len([block for block in README if block.not_run or block.run_by])


def test_blocks_without_a_command_are_not_written() -> None:
    """A console block shows at least one line that begins with a prompt; output alone is another kind of block."""
    assert [block.line for block in README if not block.commands] == []


def test_the_reader_of_blocks() -> None:
    """Prompts make commands, continued lines are joined, output is ignored, marks count only right above."""
    text = """
<!-- not run: needs a project -->
```console
$ bin/deploy
deployed
```
<!-- run by: tests/x.py -->

```console
$ bin/test \\
    tests/core
```
Words between.
```console
$ bin/orch a
answer
$ bin/orch b
```
```sh
$ not this
```
"""
    assert blocks(text) == [
        Block(3, ("bin/deploy",), not_run="needs a project"),
        Block(9, ("bin/test tests/core",), run_by="tests/x.py"),
        Block(14, ("bin/orch a", "bin/orch b")),
    ]
