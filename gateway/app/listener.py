"""The server: a connection for each client, as many as there may be, looked at once a second; and how it takes leave.

The rule that matters: what is beyond the most is told so and ended at once, so that no crowd of clients can keep the
process from serving those that it has.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from aiohttp import web

from gateway.app.canned import canned
from gateway.app.connection import Connection
from gateway.app.crowds import Crowds, Door
from gateway.app.descriptors import fitting
from gateway.app.turned import TurnedAway
from gateway.config import Server as Terms
from gateway.errors import Overloaded

LEAVE_LOOK_SECONDS = 0.05
LOOK_SECONDS = 1.0
"""How long after a look at all connections the next begins: a deadline is kept within a second or two."""
NEVER_SECONDS = 1e6
"""For aiohttp's keep-alive, which would end a request whose headers are arriving: looks end what is idle."""
LOOKS_AT_ONCE = 256
ENDS_AT_ONCE = 3
LOOKS_PAUSE_SECONDS = 0.005
"""A look takes a microsecond, an end up to 300, with the answer and the line in the log that it makes: good calls get
their turn in between. 2,000 that are all late are ended in 3.4 seconds, 8,192 that are not are looked at in 0.2."""
REFUSED_SECONDS = 1.0
"""How long a refused client has to read why: a socket closed at once would take the answer with it."""
MOST_REFUSED = 128
"""Refused clients that may be reading; further ones are only closed."""


class Server(web.Server):
    """Makes a Connection for each client, and takes leave of them. `terms` gives the settings of the moment."""

    is_leaving = False

    def __init__(
        self,
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]],
        terms: Callable[[], Terms],
        turned_away: TurnedAway,
        **settings: Any,
    ) -> None:
        super().__init__(handler, access_log=None, auto_decompress=False, **settings)
        self._terms = terms
        self._turned_away = turned_away
        self._looking: asyncio.TimerHandle | None = None
        self._refused: set[Refused] = set()
        self.crowds = Crowds()

    def __call__(self) -> Any:
        """Give the protocol of a new connection."""
        terms = self._terms()
        if self._looking is None:
            self._looking = self._loop.call_later(LOOK_SECONDS, self._look)
        if len(self._connections) >= fitting(terms.max_connections):
            return self._turn_away()
        connection = Connection(self, loop=self._loop, keepalive_timeout=NEVER_SECONDS, **self._kwargs)
        if terms.max_connections_per_address is None:
            return connection
        return Door(connection, lambda address: self.crowds.enter(connection, address, terms), self._turn_away)

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """Forget a connection that has ended."""
        super().connection_lost(handler, exc)
        self.crowds.leave(handler)

    def _turn_away(self) -> "Refused":
        """Give the protocol of a connection too many."""
        self._turned_away.add("connections")
        return Refused(self._loop, self._refused)

    async def leave(self, linger_seconds: float) -> None:
        """Return when no connection is left; to be called when no new ones are taken.

        An idle connection stays for `linger_seconds`, and who uses it meanwhile is told with the answer that it ends.
        To close it at once would cut the call that is on its way to us.
        """
        self.is_leaving = True
        clock = self._loop.time
        busy_at: dict[web.RequestHandler, float] = {}
        while self._connections:
            now = clock()
            for connection in self.connections:
                if connection.is_busy:  # type: ignore[attr-defined]  # made above
                    busy_at[connection] = now
                elif now - busy_at.setdefault(connection, now) >= linger_seconds:
                    connection.force_close()
            await asyncio.sleep(LEAVE_LOOK_SECONDS)

    def _look(self) -> None:
        """Begin to look at every connection, and tell what there is to tell."""
        self._turned_away.tell()
        self._look_at(self.connections)

    def _look_at(self, connections: Sequence[web.RequestHandler]) -> None:
        """Look at some, the rest in later turns of the loop; then at all again in a second, while there are any."""
        now, terms, ended = self._loop.time(), self._terms(), 0
        for at, connection in enumerate(connections, 1):
            reason = connection.look(now, terms)  # type: ignore[attr-defined]  # made above
            if reason is not None:
                self._turned_away.add(reason)
                ended += 1
            if at == LOOKS_AT_ONCE or ended == ENDS_AT_ONCE:
                self._looking = self._loop.call_later(LOOKS_PAUSE_SECONDS, self._look_at, connections[at:])
                return
        self._looking = self._loop.call_later(LOOK_SECONDS, self._look) if self._connections else None

    def _make_request(self, *parts: Any) -> "Request":
        return Request(self, *parts, self._loop)


class Request(web.BaseRequest):
    """A request to a server that may be leaving."""

    def __init__(self, server: Server, *parts: Any) -> None:
        super().__init__(*parts)
        self._server = server

    @property
    def keep_alive(self) -> bool:
        """Whether the connection goes on: one that ends, and a server that leaves, say so in the answer."""
        connection = self._protocol
        is_ending = isinstance(connection, Connection) and connection.is_ending
        return not (self._message.should_close or self._server.is_leaving or is_ending)


class Refused(asyncio.Protocol):
    """A connection beyond the most: it gets a 503, whatever it asks, and ends within a second."""

    def __init__(self, loop: asyncio.AbstractEventLoop, others: "set[Refused]") -> None:
        self._loop = loop
        self._others = others
        self._ending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say why."""
        wire = cast("asyncio.Transport", transport)  # uvloop's is one, without saying so
        if len(self._others) >= MOST_REFUSED:
            wire.abort()
            return
        self._others.add(self)
        wire.write(canned(Overloaded("The gateway has as many connections as it takes.")))
        wire.write_eof()
        self._ending = self._loop.call_later(REFUSED_SECONDS, wire.abort)

    def connection_lost(self, exc: BaseException | None) -> None:  # noqa: ARG002 - however it ended
        """End."""
        self._others.discard(self)
        if self._ending is not None:
            self._ending.cancel()
