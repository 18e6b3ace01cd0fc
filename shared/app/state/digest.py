"""The completions of a run that has many, in one document: what it costs to look at a run must not grow with its width.

The store bills every document that a query returns. So a sweep that has read a wide run keeps what it read as one
document, and whoever reads the run reads that, what was written since, and how many there are. Nothing is lost by it:

- a completion says when it was written, by the clock just before the write; what is asked for reaches back further
  than clocks differ and a write takes;
- whoever counts another number than was read reads everything;
- a sweep reads everything once an hour, which also sees what a revision wrote that leaves out when it wrote;
- a digest that is not there, or that nobody can read, is as if there were none.
"""

from __future__ import annotations

import zlib
from base64 import b85decode, b85encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.app.state.compare_and_set import write_version
from shared.core.calendar import KEPT, ends_at
from shared.core.model import Completion, Run, RunKey
from shared.core.policy.policy import Policy
from shared.documents import document_id, from_data, from_json, to_data, to_json
from shared.ports import Document, StateStore

WRITTEN = "written"
# From so many completions on: of fewer, digest and count would be read in vain.
DIGESTED_FROM = 40
# So far before a digest was made a completion may have been written that it does not hold: clocks differ, writes take.
OVERLAP = timedelta(minutes=3)
# So long a sweep builds upon what it kept, then it reads every completion again.
SERVES = timedelta(hours=1)
# For so many completions that are read beside a digest it is written anew: a write costs as much as three reads.
CHANGED = 4
# Characters; a document may have a mebibyte.
LARGEST = 900_000
LAST = "~"

Completions = Mapping[str, Completion]


@dataclass(frozen=True, slots=True)
class Digest:
    """The completions of a run as they were ``as_of``, as text; all of them were read one by one at ``whole_at``."""

    as_of: datetime
    whole_at: datetime
    completions: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The completions of a run by the ids of their documents. ``digest`` is what a part of them was read from, with its
    version; ``lately`` were read beside it, ``changed`` of these it does not hold as they are."""

    completions: Completions
    digest: Digest | None = None
    version: str | None = None
    lately: int = 0
    changed: int = 0

    def outgrown(self, read_at: datetime) -> bool:
        """Return whether a digest that is made now saves more than its write costs."""
        if self.digest is None or self.changed >= CHANGED:
            return True
        return self.lately >= CHANGED and read_at - self.digest.as_of >= OVERLAP


def completion_id(completion: Completion) -> str:
    return f"{completion.phase}.{completion.processor}"


def digest_path(key: RunKey) -> str:
    return f"digests/{document_id(key.id)}"


def written_text(at: datetime) -> str:
    """Return a moment as text in the order of time, by which a query finds what was written since."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def read_completions(
    store: StateStore, collection: str, key: RunKey, *, digested: bool, since: datetime | None = None
) -> Reading:
    """Read the completions of a run; ``digested`` is what its document says.

    Nothing is built upon that was read one by one before ``since``.
    """
    path = digest_path(key)
    document = store.get(path)[0] if digested else None
    digest = _digest(document)
    if digest is not None and (since is None or digest.whole_at >= since):
        assert document is not None
        before = _unpacked(digest)
        if before is not None:
            later = _by_id(store.between(collection, WRITTEN, written_text(digest.as_of - OVERLAP), LAST))
            merged = {**before, **later}
            if store.count(collection) == len(merged):
                changed = sum(before.get(name) != completion for name, completion in later.items())
                return Reading(dict(sorted(merged.items())), digest, document.version, len(later), changed)
    version = None if document is None else document.version
    return Reading(_by_id(store.query(collection)), version=version)


def keep(store: StateStore, policy: Policy, run: Run, reading: Reading, read_at: datetime) -> bool:
    """Keep what a sweep began to read at ``read_at``, where that is worth a write; return whether there is a digest.

    Who loses a race leaves the other's, which is as good.
    """
    if len(reading.completions) < DIGESTED_FROM:
        return False
    if not reading.outgrown(read_at):
        return True
    whole_at = read_at if reading.digest is None else reading.digest.whole_at
    digest = Digest(read_at, whole_at, _packed(reading.completions.values()))
    if len(digest.completions) > LARGEST:
        return False
    path, data = digest_path(run.key), {**to_data(digest), "expires_at": max(ends_at(run, policy), read_at) + KEPT}
    if write_version(store, path, data, reading.version) is None and reading.version is None:
        there = store.get(path)[0]  # of a run that does not say so
        if there is not None:
            store.update(path, data, there.version)
    return True


def _digest(document: Document | None) -> Digest | None:
    try:
        return None if document is None else from_data(Digest, document.data)
    except ValueError:
        return None


def _by_id(documents: Iterable[Document]) -> dict[str, Completion]:
    return {document.id: from_data(Completion, document.data) for document in documents}


def _packed(completions: Iterable[Completion]) -> str:
    return b85encode(zlib.compress(to_json(tuple(completions)), level=1)).decode("ascii")


def _unpacked(digest: Digest) -> dict[str, Completion] | None:
    """Return the completions by the ids of their documents, None where nobody can read them."""
    try:
        completions = from_json(tuple[Completion, ...], zlib.decompress(b85decode(digest.completions)))
    except (ValueError, zlib.error):
        return None
    return {completion_id(completion): completion for completion in completions}
