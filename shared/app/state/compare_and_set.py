"""Changing what others change too: read, change, write under the version that was read (behaviour 12).

Every such loop of the application is one of the two here: they have one limit, and one end where it is reached.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from shared.core.errors import Unavailable
from shared.ports import Document, StateStore

# Each time somebody else has written meanwhile; so many in a row mean that something writes without end.
ATTEMPTS = 20

T = TypeVar("T")
Read = TypeVar("Read")
Changed = TypeVar("Changed")


class Contended(Unavailable):
    """Others write a document all the time."""


Change = Callable[[Document | None], tuple[Mapping[str, Any] | None, T]]


def write_version(store: StateStore, path: str, data: Mapping[str, Any], version: str | None) -> str | None:
    """Write a document that was read at a version, None where there was none; return the new version.

    None if somebody else wrote since: whoever calls reads again, or leaves it to the other.
    """
    return store.create(path, data) if version is None else store.update(path, data, version)


def change_document(store: StateStore, path: str, change: Change[T], documents: Sequence[Document | None] = ()) -> T:
    """Write what ``change`` makes of a document and return its result; None as data leaves the document as it is.

    ``change`` is given None where no document is, and is called again where somebody else wrote first: it must have no
    effect of its own. ``documents`` holds the document, or None, where the caller has just read it. Raises
    ``Contended`` if others write the document all the time.
    """
    for attempt in range(ATTEMPTS):
        document = documents[0] if documents and attempt == 0 else store.get(path)[0]
        data, result = change(document)
        if data is None:
            return result
        if write_version(store, path, data, None if document is None else document.version) is not None:
            return result
    raise Contended("state", f"{path} changes all the time")


def change_value(
    read: Read | None,
    change: Callable[[Read | None], Changed | None],
    save: Callable[[Changed], T | None],
    reload: Callable[[], Read | None],
    name: str,
) -> T | None:
    """Save what ``change`` makes of a value that was read with its version, None if there is none; return what ``save``
    does.

    ``save`` returns None where somebody else wrote first: the value is then reloaded and changed again. Returns None
    if ``change`` does, which leaves the value as it is. Raises ``Contended``, with the name of the value, if others
    write it all the time.
    """
    for _ in range(ATTEMPTS):
        changed = change(read)
        if changed is None:
            return None
        saved = save(changed)
        if saved is not None:
            return saved
        read = reload()
    raise Contended("state", f"{name} changes all the time")
