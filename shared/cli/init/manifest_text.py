"""Entries of `deploy/functions.yaml`, written into its text: comments and order stay as people have made them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from shared.cli.init.rendering import ManifestLine

_ENTRY = re.compile(r'  "?([^\s"#:][^\s":]*)"?:')


def with_entries(text: str, entries: Sequence[ManifestLine]) -> str:
    """Return the manifest with these entries at the ends of their sections, or in the place of those of the same key.

    Raises ``ValueError`` with the name of a section that is not there as a block of lines.
    """
    lines = text.splitlines()
    for entry in entries:
        begin = _section(lines, entry.section)
        end = _end(lines, begin)
        places = [at for at in range(begin + 1, end) if _key(lines[at]) == entry.key]
        if places:
            lines[places[0] : _entry_end(lines, places[0], end)] = [entry.text]
        else:
            lines.insert(end, entry.text)
    return "\n".join(lines) + "\n"


def without_entries(text: str, section: str, prefix: str) -> str:
    """Return the manifest without the entries of a section whose keys begin so."""
    lines = text.splitlines()
    begin = _section(lines, section)
    end = _end(lines, begin)
    kept = [line for line in lines[begin + 1 : end] if not _key(line).startswith(prefix)]
    return "\n".join([*lines[: begin + 1], *kept, *lines[end:]]) + "\n"


def _key(line: str) -> str:
    match = _ENTRY.match(line)
    return match[1] if match else ""


def _section(lines: Sequence[str], name: str) -> int:
    for at, line in enumerate(lines):
        if line.partition("#")[0].rstrip() == f"{name}:":
            return at
    raise ValueError(name)


def _end(lines: Sequence[str], begin: int) -> int:
    """Return the line after the last entry of a section: blank lines and comments before the next belong to that."""
    end = next((at for at in range(begin + 1, len(lines)) if lines[at][:1] not in ("", " ", "#")), len(lines))
    while end > begin + 1 and lines[end - 1].lstrip()[:1] in ("", "#"):
        end -= 1
    return end


def _entry_end(lines: Sequence[str], begin: int, end: int) -> int:
    return next((at for at in range(begin + 1, end) if not lines[at].startswith("   ")), end)
