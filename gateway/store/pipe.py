"""Owns the way of scripts to one server: pipelined, so a call costs one write and one callback, and no task.

The rule that matters: nothing is sent twice, and only to a primary. A connection first learns whom it leads to, then
what is queued follows. Who stops waiting takes nothing along: the command has left, and its reply is read and dropped.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from redis.asyncio.connection import SSLConnection

from gateway.errors import StoreUnavailable
from gateway.store.address import Address
from gateway.store.border import CommandRefused, translate, unavailable
from gateway.store.epoch import Greeting, read_greeting
from gateway.store.link import LOST, TIMEOUT_SECONDS, Link, Owner, Script, Sent, packed

__all__ = ["TIMEOUT_SECONDS", "Host", "Pipe", "Script", "Sent"]

_REPLICA = "it is a replica"


class Host(Owner):
    """The owner of pipes to a server. This one has nothing to decide, a pipe of its own."""

    def is_sent_on(self, sent: Sent, reply: str) -> bool:
        """Leave every refusal to who waits for it."""
        del sent, reply
        return False

    def troubled(self) -> None:
        """Wait for the next command."""

    def greeted(self, greeting: Greeting) -> None:
        """Hear whom a new connection leads to, before anything travels on it."""


class Pipe:
    """Sends scripts to one server; a connection is opened when there is something to send."""

    def __init__(self, address: Address, host: Host | None = None) -> None:
        self._address = address
        self._host = host or Host()
        self._link: Link | None = None
        self._opening: asyncio.Task[None] | None = None
        self._queued: list[Sent] = []

    @property
    def waiting(self) -> int:
        """Give how many commands have no reply yet."""
        return len(self._queued) + (self._link.waiting if self._link is not None else 0)

    def run(
        self, script: Script, keys: Sequence[str | bytes], args: Sequence[bytes | str | int]
    ) -> asyncio.Future[Any]:
        """Run a script by its hash, loading it once if the server does not know it; the future has its reply.

        It fails with StoreUnavailable or CommandRefused.
        """
        loop = asyncio.get_running_loop()
        sent = Sent(loop.create_future(), packed(("EVALSHA", script.sha1, len(keys), *keys, *args)), script)
        if self._link is not None and self._link.is_open:
            self._link.send(sent)
        else:
            self._enqueue(sent, loop)
        return sent.reply

    def pass_on(self, sent: Sent) -> None:
        """Send what was made, or refused unrun, elsewhere."""
        if self._link is not None and self._link.is_open:
            self._link.pass_on(sent)
        else:
            self._enqueue(sent, asyncio.get_running_loop())

    def leave(self, epoch: str) -> None:
        """End a connection that leads to another epoch than this: what it acknowledges does not count any more."""
        if self._link is not None and self._link.is_open and self._link.epoch != epoch:
            self._link.close()

    async def forsake(self) -> None:
        """Let what was sent be answered (within the timeouts), and open a new connection for what is sent next."""
        link, self._link = self._link, None
        if link is not None:
            await link.emptied()
            link.close()

    async def close(self) -> None:
        """Let what was sent be answered (within the timeouts), then close the connection."""
        if self._opening is not None:
            await asyncio.wait({self._opening})
        if self._link is not None:
            await self._link.emptied()
            self._link.close()

    def _enqueue(self, sent: Sent, loop: asyncio.AbstractEventLoop) -> None:
        self._queued.append(sent)
        if self._opening is None:
            self._opening = loop.create_task(self._open(loop))

    async def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        failure: StoreUnavailable | CommandRefused = unavailable(LOST)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                link, greeting = await _connect(self._address, loop, self._host)
            self._host.greeted(greeting)
            self._link = link
        except OSError as exc:  # TimeoutError is one
            failure = translate(exc)
        except (StoreUnavailable, CommandRefused) as exc:
            failure = exc
        finally:
            self._opening = None
            queued, self._queued = self._queued, []
            is_open = self._link is not None and self._link.is_open
            for sent in queued:
                if is_open and self._link is not None:
                    self._link.pass_on(sent)
                elif not sent.reply.done():
                    sent.reply.set_exception(again(failure))
            if not is_open:
                self._host.troubled()


async def _connect(address: Address, loop: asyncio.AbstractEventLoop, host: Host) -> tuple[Link, Greeting]:
    """Open a connection, say who we are and which database is meant, as redis-py would, and ask who is there."""
    where = address.arguments
    link = Link(loop, Host())  # until it is ready, its troubles are those of opening it
    if "path" in where:
        await loop.create_unix_connection(lambda: link, str(where["path"]))
    else:
        tls = address.connection_class(**where).ssl_context.get() if _is_tls(address) else None  # type: ignore[attr-defined, arg-type]
        await loop.create_connection(lambda: link, str(where["host"]), int(where["port"]), ssl=tls)
    is_ready = False
    try:
        if where.get("password"):
            names = [where["username"]] if where.get("username") else []
            await _ask(link, loop, "AUTH", *names, where["password"])
        if where["db"]:
            await _ask(link, loop, "SELECT", where["db"])
        greeting = read_greeting(await _ask(link, loop, "INFO", "server", "replication"))
        if not greeting.is_primary:
            raise unavailable(_REPLICA)
        link.greeted(greeting.epoch, host)
        is_ready = True
    finally:
        if not is_ready:
            link.close()
    return link, greeting


def _is_tls(address: Address) -> bool:
    return issubclass(address.connection_class, SSLConnection)


async def _ask(link: Link, loop: asyncio.AbstractEventLoop, *command: str | int) -> Any:
    sent = Sent(loop.create_future(), packed(command))
    link.send(sent)
    try:
        return await sent.reply
    except CommandRefused as exc:
        if command[0] == "AUTH":
            raise unavailable("it refuses the credentials") from exc
        raise


def again(failure: StoreUnavailable | CommandRefused) -> StoreUnavailable | CommandRefused:
    """Give each waiter an exception of its own: a shared one would collect every waiter's traceback."""
    if isinstance(failure, CommandRefused):
        return CommandRefused(failure.code)
    return StoreUnavailable(failure.message, headers=failure.headers)
