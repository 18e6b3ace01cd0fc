"""Values in the spellings that senders use: what is unambiguous is read, everything else is refused.

Each function takes a value as JSON gave it and raises ValueError, with words for a person, for what it cannot
read: a value that was sent must never pass as one that was not (behaviour R3).
"""

from __future__ import annotations

import json
import re
from unicodedata import category

YES = frozenset({"true", "t", "yes", "y", "on", "1", "1.0"})
NO = frozenset({"false", "f", "no", "n", "off", "0", "0.0"})
# What no font shows and Unicode lists as ignorable, beside the format characters; a zero byte fills up a name of C.
UNSEEN = frozenset(
    map(chr, (0, 0x34F, 0x115F, 0x1160, 0x17B4, 0x17B5, *range(0x180B, 0x1810), 0x3164, 0xFFA0, *range(0xFE00, 0xFE10)))
) | frozenset(map(chr, range(0xE0100, 0xE01F0)))
NUMBER = re.compile(r"\+?(\d{1,18}(?:\.\d{0,18})?(?:[eE][+-]?\d{1,2})?)(\s*%)?", re.ASCII)
LARGEST = 1e12
LARGEST_COUNT = 2**53
PLAIN_TABLE = re.compile(r"\w*(?:\.\w+)?", re.ASCII)
# Around a table or its parts: of GoogleSQL, of legacy SQL, of other dialects.
QUOTES = str.maketrans("", "", "`[]\"'")
# As the APIs of Google Cloud name a table.
RESOURCE = re.compile(r"(?:.*/)?projects/[^/]+/datasets/([^/]+)/tables/([^/]+)", re.DOTALL)
# Of a table: a partition (`$20260310`) or a moment (`@-3600000`) that it is looked at in.
DECORATOR = re.compile(r"[$@].*", re.DOTALL)
# Bytes of a correlation id that a document of two reports and those that wait for the record has room for.
LONGEST_CORRELATION = 2048
MAX_SHOWN = 100


def is_absent(value: object) -> bool:
    """True for what means "not sent": null and the empty text."""
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
    word = name(str(value)).lower() if isinstance(value, str | int | float) else ""
    if word in YES or word in NO:
        return word in YES
    raise ValueError(f"{shown(value)} is neither yes nor no")


def percentage(value: object) -> float | None:
    """Return a number from 0 on, with or without a percent sign; None if nothing was sent."""
    number = _number(value, with_sign=True)
    if number is None and not is_absent(value):
        raise ValueError(f"{shown(value)} is not a percentage")
    return number


def count(value: object) -> int | None:
    """Return a whole number from 0 on; None if nothing was sent."""
    number = _number(value, with_sign=False)
    if number is None and is_absent(value):
        return None
    if number is None or number != int(number) or number >= LARGEST_COUNT:
        raise ValueError(f"{shown(value)} is not a count")
    return int(number)


def _number(value: object, *, with_sign: bool) -> float | None:
    """Return a finite number from 0 on, None for anything else."""
    if isinstance(value, str):
        match = NUMBER.fullmatch(name(value))
        if match is None or (match[2] and not with_sign):
            return None
        value = float(match[1]) if set(match[1]) & set(".eE") else int(match[1])
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return value if 0 <= value < (LARGEST if with_sign else LARGEST_COUNT) else None


def name(value: str) -> str:
    """Return a name without what is invisible in it: surrounding blanks and characters of no width."""
    # What is ASCII holds no such character but one, and that is nearly every name.
    if value.isascii():
        return value.replace("\0", "").strip()
    return "".join(c for c in value if category(c) != "Cf" and c not in UNSEEN).strip()


def label(value: object) -> str:
    """Return an identifier as text, numbers in their own digits; "" for what is none."""
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def encodable(text: str) -> str:
    """Return a text that every store and bus takes: half a character becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


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

    A project before it (`project.dataset.table`, `project:dataset.table`), quotes or brackets around it or around its
    parts, a decorator behind it, and its name as a resource (`projects/.../tables/...`) do not make it another table.
    """
    if PLAIN_TABLE.fullmatch(value):
        return value
    bare = name(value.translate(QUOTES))
    if resource := RESOURCE.fullmatch(bare):
        bare = f"{resource[1]}.{resource[2]}"
    bare = DECORATOR.sub("", bare).replace(":", ".")
    return ".".join(part.strip() for part in bare.split(".")[-2:])


def dataset(value: str) -> str:
    """Return a dataset without its project, quotes and brackets, also of its name as a resource."""
    if value.isidentifier() and value.isascii():
        return value
    return name(value.translate(QUOTES)).replace(":", ".").replace("/datasets/", ".").rsplit(".", 1)[-1].strip()
