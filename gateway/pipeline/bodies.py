"""How many bytes of request bodies a worker holds: so many in all, and of one key no more than half of them.

The rule that matters: a byte counts from when it arrives, whatever was promised, until the call that it belongs to has
ended, with its client or without.
"""

import asyncio
from typing import Any

from gateway.config import Server as Terms
from gateway.errors import Overloaded


class Bodies:
    """The bytes in all and of each key; a key without any is not remembered."""

    def __init__(self) -> None:
        self.held_bytes = 0
        self._of_keys: dict[str, int] = {}

    def __len__(self) -> int:
        """Tell how many keys have any."""
        return len(self._of_keys)

    def load(self, key_name: str, terms: Terms) -> "Load":
        """Give what counts the body of one request, of which nothing has come yet."""
        most = terms.max_body_memory
        return Load(self, key_name, most, max(most // 2, terms.max_body_bytes))

    def take(self, key_name: str, size_bytes: int, most: int, most_of_key: int) -> None:
        """Count more bytes of a key. Raises Overloaded, which ends the connection, where it would be too many."""
        held, of_key = self.held_bytes + size_bytes, self._of_keys.get(key_name, 0) + size_bytes
        if of_key > most_of_key:
            raise _full("The request bodies of this key fill the memory that the gateway gives to those of one key.")
        if held > most:
            raise _full("Request bodies fill the memory that the gateway gives to them.")
        self.held_bytes, self._of_keys[key_name] = held, of_key

    def give_back(self, key_name: str, size_bytes: int) -> None:
        """Forget bytes that were counted."""
        self.held_bytes -= size_bytes
        left = self._of_keys.get(key_name, 0) - size_bytes
        if left > 0:
            self._of_keys[key_name] = left
        else:
            self._of_keys.pop(key_name, None)


class Load:
    """What one request has brought; to be ended with it."""

    __slots__ = ("_bodies", "_exchange", "_key_name", "_most", "_most_of_key", "_size_bytes")

    def __init__(self, bodies: Bodies, key_name: str, most: int, most_of_key: int) -> None:
        self._bodies = bodies
        self._key_name = key_name
        self._most = most
        self._most_of_key = most_of_key
        self._size_bytes = 0
        self._exchange: asyncio.Task[Any] | None = None

    def add(self, size_bytes: int) -> None:
        """Count bytes that have arrived. Raises Overloaded."""
        self._bodies.take(self._key_name, size_bytes, self._most, self._most_of_key)
        self._size_bytes += size_bytes

    def keep_for(self, exchange: "asyncio.Task[Any]") -> None:
        """Let it end with its request or with an exchange, whichever ends later."""
        self._exchange = exchange

    def end(self) -> None:
        """Give back what was counted, now or when the exchange has ended."""
        exchange, self._exchange = self._exchange, None
        if exchange is None or exchange.done():
            self._give_back()
        else:
            exchange.add_done_callback(lambda _: self._give_back())

    def _give_back(self) -> None:
        size_bytes, self._size_bytes = self._size_bytes, 0
        self._bodies.give_back(self._key_name, size_bytes)


def _full(message: str) -> Overloaded:
    error = Overloaded(message)
    error.headers = {**error.headers, "Connection": "close"}
    return error
