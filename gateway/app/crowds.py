"""Connections counted by the address that they come from, where one address may have no more than so many.

The rule that matters: who connects is known when a connection has been made, not before; so a protocol waits at the
door, and hands it to the one that serves it or the one that refuses it.
"""

import asyncio
from collections.abc import Callable

from gateway.app.addresses import addresses
from gateway.auth.tries import block_of
from gateway.config import Server as Terms


class Crowds:
    """How many connections each block of addresses has; one without any is not remembered."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._blocks: dict[object, str] = {}

    def __len__(self) -> int:
        """Tell how many blocks have any."""
        return len(self._counts)

    def count(self, address: str) -> int:
        """Tell how many the block of an address has."""
        return self._counts.get(block_of(address), 0)

    def enter(self, connection: object, address: str, terms: Terms) -> bool:
        """Count a connection, unless there are as many as may be; a trusted proxy's are not counted."""
        most = terms.max_connections_per_address
        if most is None or addresses(terms.trusted_proxies).is_trusted(address):
            return True
        block = block_of(address)
        count = self._counts.get(block, 0)
        if count >= most:
            return False
        self._counts[block], self._blocks[connection] = count + 1, block
        return True

    def leave(self, connection: object) -> None:
        """Forget a connection, if it was counted."""
        block = self._blocks.pop(connection, None)
        if block is None:
            return
        self._counts[block] -= 1
        if not self._counts[block]:
            del self._counts[block]


class Door(asyncio.Protocol):
    """Stands in for `connection` until it is known where that comes from; `may_enter` is asked with its address."""

    def __init__(
        self, connection: asyncio.Protocol, may_enter: Callable[[str], bool], refused: Callable[[], asyncio.Protocol]
    ) -> None:
        self._connection = connection
        self._may_enter = may_enter
        self._refused = refused

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hand it on."""
        peer = transport.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) else ""
        chosen = self._connection if self._may_enter(address) else self._refused()
        transport.set_protocol(chosen)
        chosen.connection_made(transport)
