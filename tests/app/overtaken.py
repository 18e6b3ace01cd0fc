"""A store whose write or look is overtaken: somebody else does something just before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from shared.app.context import Context
from shared.ports import Document, StateStore
from tests.app.handlers_kit import HandlersKit


class Overtaken:
    """A store of one instance in which something happens just before it first does ``what`` with a path."""

    def __init__(self, kit: HandlersKit, what: str, path: str, event: Callable[[], object]) -> None:
        self.inner: StateStore = kit.ports.store
        self._clock = kit.clock
        self._what, self._path, self._event = what, path, event
        self.happened = False

    def _before(self, what: str, *paths: str) -> None:
        if not self.happened and what == self._what and any(self._path in path for path in paths):
            self.happened = True
            actor, self._clock.actor = self._clock.actor, None  # time passes for everybody meanwhile
            self._event()
            self._clock.actor = actor

    def get(self, *paths: str) -> list[Document | None]:
        self._before("get", *paths)
        return self.inner.get(*paths)

    def create(self, path: str, data: Mapping[str, Any]) -> str | None:
        self._before("create", path)
        return self.inner.create(path, data)

    def update(self, path: str, data: Mapping[str, Any], version: str) -> str | None:
        self._before("update", path)
        return self.inner.update(path, data, version)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


def overtaken(kit: HandlersKit, ctx: Context, what: str, path: str, event: Callable[[], object]) -> Context:
    """Return an instance that remembers what ``ctx`` does, and whose store is overtaken."""
    return replace(ctx, ports=replace(kit.ports, store=Overtaken(kit, what, path, event)))
