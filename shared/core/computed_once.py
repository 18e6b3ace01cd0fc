"""A property that is worked out when it is asked for first.

Before Python 3.12 `functools.cached_property` holds one lock for all instances of a class while it works one out:
threads that decide different runs would wait for each other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class computed_once(Generic[T]):
    """Keep what the method returns in the instance; two threads that ask at once may each work it out."""

    def __init__(self, method: Callable[[Any], T]) -> None:
        self._method, self._name, self.__doc__ = method, method.__name__, method.__doc__

    def __get__(self, instance: object, owner: type | None = None) -> T:
        value = instance.__dict__[self._name] = self._method(instance)
        return value
