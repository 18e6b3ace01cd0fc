"""A notice as a Slack message: pure, within Block Kit's limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from shared.ports import Notice

_LONGEST_HEADER = 150
_LONGEST_SECTION = 3000
_LONGEST_TEXT = 4000
_MOST_SECTIONS = 45  # of 50 blocks; header, cut mark, command, links and context need room
_CUT = "... (cut here; the whole text is in the alert's record)"


def blocks(notice: Notice) -> list[dict[str, Any]]:
    """Return header, text in as many sections as it needs, the command to paste, links, and a line of context."""
    body = _body(notice)
    if _has_block(notice):
        body = body.removesuffix(notice.command).rstrip() or body
    sections = list(_pieces(body))
    if len(sections) > _MOST_SECTIONS:
        sections = [*sections[:_MOST_SECTIONS], _CUT]
    links = " | ".join(f"<{escape(link.url)}|{escape(link.text)}>" for link in notice.links)
    return [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(_title(notice), _LONGEST_HEADER)}},
        *({"type": "section", "text": {"type": "mrkdwn", "text": section}} for section in sections),
        *_command(notice),
        *([{"type": "section", "text": {"type": "mrkdwn", "text": links}}] if links else []),
        {"type": "context", "elements": [{"type": "mrkdwn", "text": _context(notice)}]},
    ]


def _command(notice: Notice) -> Iterator[dict[str, Any]]:
    """Yield what is to be pasted in letters of one width; what would end those letters early stays in the text."""
    if _has_block(notice):
        yield {"type": "section", "text": {"type": "mrkdwn", "text": f"```{escape(notice.command)}```"}}


def _has_block(notice: Notice) -> bool:
    fits = len(escape(notice.command)) + 6 <= _LONGEST_SECTION
    return bool(notice.command) and "`" not in notice.command and fits


def text(notice: Notice) -> str:
    """Return the text for notifications, and for clients that show no blocks."""
    whole = f"{_title(notice)}: {_body(notice)}"
    return whole_piece if len(whole_piece := escape(whole)) <= _LONGEST_TEXT else _first(whole)


def escape(raw: str) -> str:
    """Escape the three characters that Slack reads as markup."""
    return raw.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _title(notice: Notice) -> str:
    word = "RESOLVED" if notice.resolved else notice.severity.upper()
    return f"{word} {notice.title or notice.kind.replace('_', ' ')}"


def _body(notice: Notice) -> str:
    return notice.text.strip() or "(no text)"


def _context(notice: Notice) -> str:
    parts = [f"was {notice.severity}" if notice.resolved else notice.severity]
    if notice.count > 1:
        parts.append(f"seen {notice.count} times")
    return _cut(escape(" | ".join([*parts, notice.fingerprint])), _LONGEST_SECTION)


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
