"""Owns a connection on which scripts travel: pipelined, so a call costs one write and one callback, and no task.

The rule that matters: replies come in the order of the commands. A connection on which one is late or lost is never
used again, everything that waits on it fails with StoreUnavailable, and nothing is sent twice. Who stops waiting takes
nothing along: the command has left, and its reply is read and dropped.

RESP: https://valkey.io/topics/protocol/ and, for pipelining, https://valkey.io/topics/pipelining/
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import hiredis
from redis.asyncio.connection import SSLConnection

from gateway.errors import StoreUnavailable
from gateway.store.address import Address
from gateway.store.border import CommandRefused, refusal, translate, unavailable

TIMEOUT_SECONDS = 1.0

_LATE = "it did not answer in time"
_LOST = "the connection failed"
_BROKEN = "the connection broke"


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script and the SHA-1 the server knows it by (https://valkey.io/commands/evalsha/)."""

    text: str
    sha1: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha1", digest)


@dataclass(slots=True)
class _Sent:
    """A command on its way: who waits, until when (loop time), and the script to load if the server has lost it."""

    reply: asyncio.Future[Any]
    command: bytes
    script: Script | None = None
    expires_at: float = 0.0


class _Link(asyncio.Protocol):
    """One connection's life: commands out, replies in their order, one timer for all of them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.is_open = False
        self._loop = loop
        self._waiting: deque[_Sent] = deque()
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    @property
    def waiting(self) -> int:
        """Give how many commands have no reply yet."""
        return len(self._waiting)

    def send(self, sent: _Sent) -> None:
        """Send a command now."""
        assert self._transport is not None
        sent.expires_at = self._loop.time() + TIMEOUT_SECONDS
        self._waiting.append(sent)
        if self._timer is None:
            self._timer = self._loop.call_at(sent.expires_at, self._look_at_the_time)
        self._transport.write(sent.command)

    def data_received(self, data: bytes) -> None:
        """Give each reply to whom it belongs."""
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                self._take(reply)
        except hiredis.ProtocolError:
            self._fail(_BROKEN)

    def connection_lost(self, exc: Exception | None) -> None:
        """End: what was sent is unknown to have happened."""
        del exc  # says nothing that its readers may see
        self._fail(_LOST)

    def close(self) -> None:
        """End at once."""
        self._fail(_LOST)

    async def emptied(self) -> None:
        """Wait until nothing is on its way any more."""
        if self._waiting:
            self._emptied = self._loop.create_future()
            await self._emptied

    def _take(self, reply: Any) -> None:
        if not self._waiting:
            self._fail(_BROKEN)  # an answer to no command: nobody knows whose the next one would be
            return
        sent = self._waiting.popleft()
        if isinstance(reply, hiredis.ReplyError):
            self._refuse(sent, str(reply))
        elif not sent.reply.done():
            sent.reply.set_result(reply)
        if self._emptied is not None and not self._waiting:
            self._emptied.set_result(None)
            self._emptied = None

    def _refuse(self, sent: _Sent, text: str) -> None:
        if sent.script is not None and text.startswith("NOSCRIPT") and self.is_open:
            loading = _Sent(self._loop.create_future(), _packed(("SCRIPT", "LOAD", sent.script.text)))
            loading.reply.add_done_callback(_ignore)  # where that is refused, the script is too, with the same words
            self.send(loading)
            self.send(_Sent(sent.reply, sent.command))
        elif not sent.reply.done():
            sent.reply.set_exception(refusal(text))

    def _look_at_the_time(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        expires_at = self._waiting[0].expires_at
        if self._loop.time() >= expires_at:
            self._fail(_LATE)
        else:
            self._timer = self._loop.call_at(expires_at, self._look_at_the_time)

    def _fail(self, reason: str) -> None:
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._waiting:
            reply = self._waiting.popleft().reply
            if not reply.done():
                reply.set_exception(unavailable(reason))
        if self._emptied is not None:
            self._emptied.set_result(None)
            self._emptied = None


class Pipe:
    """Sends scripts to one server; a connection is opened when there is something to send."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._link: _Link | None = None
        self._opening: asyncio.Task[None] | None = None
        self._queued: list[_Sent] = []

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
        command = _packed(("EVALSHA", script.sha1, len(keys), *keys, *args))
        sent = _Sent(loop.create_future(), command, script)
        if self._link is not None and self._link.is_open:
            self._link.send(sent)
            return sent.reply
        self._queued.append(sent)
        if self._opening is None:
            self._opening = loop.create_task(self._open(loop))
        return sent.reply

    async def close(self) -> None:
        """Let what was sent be answered (within the timeouts), then close the connection."""
        if self._opening is not None:
            await asyncio.wait({self._opening})
        if self._link is not None:
            await self._link.emptied()
            self._link.close()

    async def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        failure: StoreUnavailable | CommandRefused = unavailable(_LOST)
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                self._link = await _connect(self._address, loop)
        except OSError as exc:  # TimeoutError is one
            failure = translate(exc)
        except (StoreUnavailable, CommandRefused) as exc:
            failure = exc
        finally:
            self._opening = None
            queued, self._queued = self._queued, []
            for sent in queued:
                if self._link is not None and self._link.is_open:
                    self._link.send(sent)
                elif not sent.reply.done():
                    sent.reply.set_exception(_again(failure))


async def _connect(address: Address, loop: asyncio.AbstractEventLoop) -> _Link:
    """Open a connection and say who we are and which database is meant, as redis-py would."""
    where = address.arguments
    link = _Link(loop)
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
        is_ready = True
    finally:
        if not is_ready:
            link.close()
    return link


def _packed(command: tuple[bytes | str | int, ...]) -> bytes:
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # the stub means one item
    return packed


def _is_tls(address: Address) -> bool:
    return issubclass(address.connection_class, SSLConnection)


async def _ask(link: _Link, loop: asyncio.AbstractEventLoop, *command: str | int) -> None:
    sent = _Sent(loop.create_future(), _packed(command))
    link.send(sent)
    try:
        await sent.reply
    except CommandRefused as exc:
        if command[0] == "AUTH":
            raise unavailable("it refuses the credentials") from exc
        raise


def _again(failure: StoreUnavailable | CommandRefused) -> StoreUnavailable | CommandRefused:
    """Give each waiter an exception of its own: a shared one would collect every waiter's traceback."""
    if isinstance(failure, CommandRefused):
        return CommandRefused(failure.code)
    return StoreUnavailable(failure.message, headers=failure.headers)


def _ignore(reply: "asyncio.Future[Any]") -> None:
    if not reply.cancelled():
        reply.exception()
