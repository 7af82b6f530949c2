"""How many calls each key has in flight, where a worker takes no more than so many of one.

The rule that matters: a call is one until its answer has left, and one whose client has left until its exchange has
ended, or a key would have more of them by hanging up.
"""

import asyncio
from types import TracebackType
from typing import Any, Self

from gateway.errors import Overloaded


class Places:
    """The count of each key; a key without a call is not remembered."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def __len__(self) -> int:
        """Tell how many keys have any."""
        return len(self._taken)

    def take(self, key_name: str, most: int | None) -> "Place":
        """Give a call its place, to be used as a context; with no `most` nothing is counted. Raises Overloaded."""
        if most is None:
            return _ANYWHERE
        taken = self._taken.get(key_name, 0)
        if taken >= most:
            raise Overloaded("This key has as many calls in flight as the gateway takes of one key at a time.")
        self._taken[key_name] = taken + 1
        return _Taken(self, key_name)

    def leave(self, key_name: str) -> None:
        """Give a place back."""
        left = self._taken[key_name] - 1
        if left:
            self._taken[key_name] = left
        else:
            del self._taken[key_name]


class Place:
    """One that nobody counts."""

    def keep_for(self, exchange: "asyncio.Task[Any]") -> None:
        """Let it end with the call's handler or with an exchange, whichever ends later."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        pass


class _Taken(Place):
    """One of a key's."""

    def __init__(self, places: Places, key_name: str) -> None:
        self._places = places
        self._key_name = key_name
        self._exchange: asyncio.Task[Any] | None = None

    def keep_for(self, exchange: "asyncio.Task[Any]") -> None:
        """Let it end with the call's handler or with an exchange, whichever ends later."""
        self._exchange = exchange

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is None or exchange.done():
            self._places.leave(self._key_name)
        else:
            exchange.add_done_callback(lambda _: self._places.leave(self._key_name))


_ANYWHERE = Place()
