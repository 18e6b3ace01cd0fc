"""A phase of very many members: its completions must not cost more because there are many others (design).

An instance remembers who was missing. While the document of one of them is as it was, the phase cannot have become
complete, and what else may change is the sweep's: so a completion looks at one other document, seldom at more, and
the whole phase is read only when all who were missing have reported since.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from shared.app.context import Context, Missing, Scan
from shared.app.state.repository import Stored, completion_path, load_stored_completions
from shared.app.transitions.reconcile import ReconcileResult
from shared.core.model import Completion, RunKey
from shared.core.policy.transitions import Transition
from shared.ports import Document

MANY = 50
WIDEST_SCAN = 100
REMEMBERED = 50


def is_fan_in(transition: Transition, key: RunKey) -> bool:
    """True for a transition that waits for so many that a delivery must not read them all."""
    return len(transition.expects[key.mode].expected) > MANY


Read = Mapping[str, Stored[Completion]]


def reconcile_if_complete(
    ctx: Context,
    key: RunKey,
    transition: Transition,
    missing_in: Callable[[Read], Iterable[str]],
    settle: Callable[[Read], ReconcileResult],
    members: Mapping[str, Document | None],
) -> ReconcileResult | None:
    """Settle the transition if all members may be there; None while somebody is missing.

    ``members`` are documents that were read since one's own report was written, by path: they need not be read again.
    Ask only after one's own report is written: of two who are the last, one then finds the other's. Of several
    handlers of an instance one reads and settles; the others leave it to that one, which looks again for them.
    Should it fail, its message comes again, and the sweep anyway.
    """
    place, mine = (key, transition.name), Scan()
    while not any_is_missing(ctx, key, transition, members):
        at_work = ctx.memory.scans.setdefault(place, mine)
        if at_work is not mine:
            at_work.again = True
            if ctx.memory.scans.get(place) is at_work:
                return None
            continue  # it ended before it could know
        mine.again = False
        try:
            read = {
                name: stored
                for phase in transition.after
                for name, stored in load_stored_completions(ctx.ports.store, key, phase).items()
            }
            missing = tuple(missing_in(read))
            remember_missing(ctx, key, transition, missing, read)
            if not missing:
                results = settle(read)
                remember_missing(ctx, key, transition, results.snapshot.seen.missing, read)
                return results
        finally:
            del ctx.memory.scans[place]
        if not mine.again:
            return None
    return None


def looked_at_first(ctx: Context, key: RunKey, transition: Transition) -> list[str]:
    """Return the paths of those members whose documents are the first to be looked at."""
    return _paths(ctx, key, transition, _missing(ctx, key, transition)[-1:])


def any_is_missing(ctx: Context, key: RunKey, transition: Transition, members: Mapping[str, Document | None]) -> bool:
    """Look for one member that was missing and has not reported since; first among ``members``, as they were read."""
    width = 1
    while left := _missing(ctx, key, transition):
        asked = left[-width:]
        still = _unchanged(ctx, key, transition, asked, members)
        if still != asked:
            _remember(ctx, key, transition, (*left[:-width], *still))
        if still:
            return True
        width = min(2 * width, WIDEST_SCAN)
    return False


def remember_missing(ctx: Context, key: RunKey, transition: Transition, missing: Iterable[str], read: Read) -> None:
    """Remember who was missing when all was read, each by the version of its document."""
    absent = ((name, read[name].version if name in read else None) for name in sorted(missing))
    _remember(ctx, key, transition, tuple(absent))


def _missing(ctx: Context, key: RunKey, transition: Transition) -> Missing:
    """Return what this instance knows now, whoever of its handlers found it out.

    At first all members stand there as if none had a document: whoever has one is found out when asked for.
    """
    remembered = ctx.memory.missing.get((key, transition.name))
    if remembered is not None:
        return remembered
    processors = ctx.policy.awaited[transition.name]
    expected = transition.expects[key.mode].expected
    everybody = tuple((name, None) for name in sorted(expected) if not processors[name].disabled_on(key.day))
    _remember(ctx, key, transition, everybody)
    return everybody


def _paths(ctx: Context, key: RunKey, transition: Transition, asked: Missing) -> list[str]:
    processors = ctx.policy.awaited[transition.name]
    return [completion_path(key, processors[name].phase, name) for name, _ in asked]


def _unchanged(
    ctx: Context, key: RunKey, transition: Transition, asked: Missing, members: Mapping[str, Document | None]
) -> Missing:
    paths = _paths(ctx, key, transition, asked)
    were_read = all(path in members for path in paths)
    documents = [members[path] for path in paths] if were_read else ctx.ports.store.get(*paths)
    versions = [None if document is None else document.version for document in documents]
    return tuple(member for member, version in zip(asked, versions, strict=True) if member[1] == version)


def _remember(ctx: Context, key: RunKey, transition: Transition, absent: Missing) -> None:
    remembered = ctx.memory.missing
    remembered[key, transition.name] = absent
    while len(remembered) > REMEMBERED:
        remembered.pop(next(iter(remembered)), None)
