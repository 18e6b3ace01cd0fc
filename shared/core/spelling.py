"""Values in the spellings that senders use: what is unambiguous is read, everything else is refused.

Each function takes a value as JSON gave it and raises ValueError, with words for a person, for what it cannot
read: a value that was sent must never pass as one that was not (behaviour R3).
"""

from __future__ import annotations

import json
import re
from unicodedata import category

YES = frozenset({"true", "yes", "y", "on", "1"})
NO = frozenset({"false", "no", "n", "off", "0"})
NUMBER = re.compile(r"\+?(\d{1,18}(?:\.\d{0,18})?(?:[eE][+-]?\d{1,2})?)(\s*%)?", re.ASCII)
LARGEST = 1e12
LARGEST_COUNT = 2**53
PLAIN_TABLE = re.compile(r"\w*(?:\.\w+)?", re.ASCII)
# Of a table: a partition (`$20260310`) or a moment (`@-3600000`) that it is looked at in.
DECORATOR = re.compile(r"[$@].*", re.DOTALL)
# Bytes of a correlation id that a document of two reports and those that wait for the record has room for.
LONGEST_CORRELATION = 2048
MAX_SHOWN = 100


def is_absent(value: object) -> bool:
    """True for what stands for "not sent": null and the empty text."""
    return value is None or value == ""


def shown(value: object) -> str:
    """Return a value that is refused as people read it, of bounded length whatever was sent."""
    if isinstance(value, str):
        return repr(value if len(value) <= MAX_SHOWN else value[:MAX_SHOWN] + "...")
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    return repr(value)[:MAX_SHOWN]


def flag(value: object) -> bool | None:
    """Return a yes or a no; None if nothing was sent."""
    if is_absent(value):
        return None
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower() if isinstance(value, str | int) else ""
    if word in YES or word in NO:
        return word in YES
    raise ValueError(f"{shown(value)} is neither yes nor no")


def percentage(value: object) -> float | None:
    """Return a number from 0 on, with or without a percent sign; None if nothing was sent."""
    found = _number(value, with_sign=True)
    if found is None and not is_absent(value):
        raise ValueError(f"{shown(value)} is not a percentage")
    return found


def count(value: object) -> int | None:
    """Return a whole number from 0 on; None if nothing was sent."""
    found = _number(value, with_sign=False)
    if found is None and is_absent(value):
        return None
    if found is None or found != int(found) or found >= LARGEST_COUNT:
        raise ValueError(f"{shown(value)} is not a count")
    return int(found)


def _number(value: object, *, with_sign: bool) -> float | None:
    """Return a finite number from 0 on, None for anything else."""
    if isinstance(value, str):
        match = NUMBER.fullmatch(value.strip())
        if match is None or (match[2] and not with_sign):
            return None
        value = float(match[1]) if set(match[1]) & set(".eE") else int(match[1])
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return value if 0 <= value < (LARGEST if with_sign else LARGEST_COUNT) else None


def name(value: str) -> str:
    """Return a name without what nobody sees in it: surrounding blanks and characters of no width."""
    # What is ASCII holds no such character, and that is nearly every name.
    return (value if value.isascii() else "".join(c for c in value if category(c) != "Cf")).strip()


def label(value: object) -> str:
    """Return an identifier as text, numbers in their own digits; "" for what is none."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def correlation(value: object) -> str:
    """Return a correlation id exactly as it was sent, a number as its digits; "" for none.

    Blanks in and around it belong to it. Longer than a document has room for it is as if it had not been sent: a
    part of it would be another id. Half a character, which no store holds, becomes a question mark.
    """
    text = label(value)
    whole = text[: LONGEST_CORRELATION + 1].encode("utf-8", "replace")
    return whole.decode() if text.strip() and len(whole) <= LONGEST_CORRELATION else ""


def table(value: str) -> str:
    """Return a table as `dataset.table`, or bare where no dataset was sent.

    A project before it (`project.dataset.table`, `project:dataset.table`), backticks around it or around its parts,
    and a decorator behind it do not make it another table.
    """
    if PLAIN_TABLE.fullmatch(value):
        return value
    bare = DECORATOR.sub("", name(value.replace("`", ""))).replace(":", ".")
    return ".".join(part.strip() for part in bare.split(".")[-2:])


def dataset(value: str) -> str:
    """Return a dataset without its project and backticks."""
    return name(value.replace("`", "")).replace(":", ".").rsplit(".", 1)[-1].strip()
