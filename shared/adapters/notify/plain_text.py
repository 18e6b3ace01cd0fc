"""A message as plain text, for what shows no markup."""

from __future__ import annotations

from shared.ports import Notice


def heading(notice: Notice) -> str:
    """Return what comes first: the severity, or that it is over, and the title in words; one line."""
    word = "RESOLVED" if notice.resolved else notice.severity.upper()
    return f"{word} {notice.heading or name(notice)}"


def name(notice: Notice) -> str:
    """Return what an alert is called: its title, else its kind in words."""
    return notice.title or notice.kind.replace("_", " ")


def body(notice: Notice) -> str:
    """Return a message in full: of several alerts each under its title, with the command to paste and the links."""
    several = bool(notice.others)
    return "\n\n".join(_part(part, several=several) for part in notice.parts)


def _part(notice: Notice, *, several: bool) -> str:
    lines = [name(notice)] if several else []
    lines += [notice.text.strip() or "(no text)"]
    if notice.command and notice.command not in notice.text:
        lines.append(notice.command)
    if notice.count > 1:
        lines.append(f"seen {notice.count} times")
    return "\n".join([*lines, *(f"{link.text}: {link.url}" for link in notice.links)])
