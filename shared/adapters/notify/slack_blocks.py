"""A notice as a Slack message: pure, within Block Kit's limits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from shared.core.alerting.links import RUNBOOK, Link
from shared.ports import Notice

_LONGEST_HEADER = 150
_LONGEST_SECTION = 3000
_LONGEST_TEXT = 4000
_MOST_SECTIONS = 45  # of 50 blocks; header, cut mark, command, links and context need room
_CUT = "... (cut here; the whole text is in the alert's record)"


def blocks(notice: Notice) -> list[dict[str, Any]]:
    """Return header, text in as many sections as it needs, the command to paste, links, and a line of context; of
    several alerts each under its title, which leads to what its kind means."""
    several = bool(notice.others)
    links = [link for link in notice.links if not several or link.text != RUNBOOK]
    return [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(_title(notice), _LONGEST_HEADER)}},
        *(_one_of_several(notice) if several else _only(notice)),
        *([_section(" | ".join(map(_link, links)))] if links else []),
        {"type": "context", "elements": [{"type": "mrkdwn", "text": _context(notice)}]},
    ]


def _only(notice: Notice) -> Iterator[dict[str, Any]]:
    sections = list(_pieces(_body(notice)))
    if len(sections) > _MOST_SECTIONS:
        sections = [*sections[:_MOST_SECTIONS], _CUT]
    yield from map(_section, sections)
    yield from _command(notice)


def _one_of_several(notice: Notice) -> Iterator[dict[str, Any]]:
    for part in notice.parts:
        runbook = next((link for link in part.links if link.text == RUNBOOK), None)
        name = _cut(_name(part), _LONGEST_HEADER)
        yield _section(f"*{escape(name) if runbook is None else _link(replace(runbook, text=name))}*")
        first, *more = _pieces(_body(part), _LONGEST_SECTION - len(_CUT) - 1)
        yield _section(f"{first}\n{_CUT}" if more else first)
        yield from _command(part)


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def _link(link: Link) -> str:
    return f"<{escape(link.url)}|{escape(link.text)}>"


def _command(notice: Notice) -> Iterator[dict[str, Any]]:
    """Yield what is to be pasted in letters of one width; what would end those letters early stays in the text."""
    if _has_block(notice):
        yield _section(f"```{escape(notice.command)}```")


def _has_block(notice: Notice) -> bool:
    fits = len(escape(notice.command)) + 6 <= _LONGEST_SECTION
    return bool(notice.command) and "`" not in notice.command and fits


def text(notice: Notice) -> str:
    """Return the text for notifications, and for clients that show no blocks."""
    texts = [f"{_name(part)}: {part.text.strip()}" for part in notice.parts] if notice.others else [_text_of(notice)]
    whole = f"{_title(notice)}: " + "\n".join(texts)
    return whole_piece if len(whole_piece := escape(whole)) <= _LONGEST_TEXT else _first(whole)


def _text_of(notice: Notice) -> str:
    return notice.text.strip() or "(no text)"


def escape(raw: str) -> str:
    """Escape the three characters that Slack reads as markup."""
    return raw.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _title(notice: Notice) -> str:
    word = "RESOLVED" if notice.resolved else notice.severity.upper()
    return f"{word} {notice.heading or _name(notice)}"


def _name(notice: Notice) -> str:
    return notice.title or notice.kind.replace("_", " ")


def _body(notice: Notice) -> str:
    """Return the text; a command that it ends with has a block of its own."""
    body = _text_of(notice)
    if _has_block(notice):
        body = body.removesuffix(notice.command).rstrip() or body
    return body


def _context(notice: Notice) -> str:
    parts = [f"was {notice.severity}" if notice.resolved else notice.severity]
    if notice.count > 1:
        parts.append(f"seen {notice.count} times")
    names = [part.fingerprint for part in notice.parts]
    return _cut(escape(" | ".join([*parts, *names])), _LONGEST_SECTION)


def _pieces(raw: str, limit: int = _LONGEST_SECTION) -> Iterator[str]:
    """Split at line ends where possible, never inside an escaped character."""
    piece = ""
    for line in raw.splitlines(keepends=True):
        for part in [line] if len(escape(line)) <= limit else line:
            if len(piece) + len(escape(part)) > limit:
                yield piece
                piece = ""
            piece += escape(part)
    if piece.strip():
        yield piece


def _first(raw: str) -> str:
    return next(_pieces(raw, _LONGEST_TEXT - len(_CUT) - 1)) + "\n" + _CUT


def _cut(raw: str, limit: int) -> str:
    return raw if len(raw) <= limit else raw[: limit - 3] + "..."
