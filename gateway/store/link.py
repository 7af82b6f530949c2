"""Owns one connection's life: commands out, replies back in their order, one timer for all of them.

The rule that matters: replies come in the order of the commands. A connection on which one is late or lost is never
used again, and everything that waits on it fails with StoreUnavailable. A command goes out again in one case only: the
server said that it did not run it (NOSCRIPT here; MOVED, ASK and TRYAGAIN by the connection's owner).

RESP: https://valkey.io/topics/protocol/ and, for pipelining, https://valkey.io/topics/pipelining/
"""

import asyncio
import hashlib
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

import hiredis
import msgspec

from gateway.errors import StoreUnavailable
from gateway.store.border import code_of, is_never_run, refusal, unavailable

TIMEOUT_SECONDS = 1.0
BROKEN = "the connection broke"
LATE = "it did not answer in time"
LOST = "the connection failed"


@dataclass(frozen=True, slots=True)
class Script:
    """A Lua script and the SHA-1 the server knows it by (https://valkey.io/commands/evalsha/)."""

    text: str
    sha1: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        object.__setattr__(self, "sha1", digest)


class Sent(msgspec.Struct):
    """A command on its way: who waits, until when (loop time), and the script to load if the server has lost it."""

    reply: asyncio.Future[Any]
    command: bytes
    script: Script | None = None
    expires_at: float = 0.0


class Routed(Sent, kw_only=True):
    """A script's call in a cluster: its slot, how often it was sent on and until when it may be (loop time).

    `is_asking`: it goes to a server that does not own the slot yet, and has to say so.
    """

    slot: int
    source: Script
    hops: int = 0
    give_up_at: float = 0.0
    is_asking: bool = False


class Owner(Protocol):
    """Whom a connection tells what it cannot decide."""

    def is_sent_on(self, sent: Sent, reply: str) -> bool:
        """Whether a command that the server did not run goes elsewhere, or there again, with the same future."""

    def troubled(self) -> None:
        """Hear that the server is not what it should be: gone, silent, no primary any more."""


class Link(asyncio.Protocol):
    """A connection. `epoch` names the server process and data it leads to, once the greeting is over."""

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: Owner) -> None:
        self.is_open = False
        self.epoch = ""
        self._loop = loop
        self._owner = owner
        self._waiting: deque[Sent] = deque()
        self._reader = hiredis.Reader()
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def greeted(self, epoch: str, owner: Owner) -> None:
        """Begin to serve an owner: the server behind is known."""
        self.epoch, self._owner = epoch, owner

    @property
    def waiting(self) -> int:
        """Give how many commands have no reply yet."""
        return len(self._waiting)

    def send(self, sent: Sent) -> None:
        """Send a command now."""
        assert self._transport is not None
        sent.expires_at = self._loop.time() + TIMEOUT_SECONDS
        self._waiting.append(sent)
        if self._timer is None:
            self._timer = self._loop.call_at(sent.expires_at, self._look_at_the_time)
        self._transport.write(sent.command)

    def pass_on(self, sent: Sent) -> None:
        """Send a command that may be for a slot which this server is only receiving."""
        if isinstance(sent, Routed) and sent.is_asking:
            self._send_aside("ASKING")
        self.send(sent)

    def data_received(self, data: bytes) -> None:
        """Give each reply to whom it belongs."""
        try:
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                self._take(reply)
        except hiredis.ProtocolError:
            self._fail(BROKEN)

    def connection_lost(self, exc: Exception | None) -> None:
        """End: what was sent is unknown to have happened."""
        del exc  # says nothing that its readers may see
        if self.is_open:
            self._fail(LOST)

    def close(self) -> None:
        """End at once."""
        self._end(LOST)

    async def emptied(self) -> None:
        """Wait until nothing is on its way any more."""
        if self._waiting:
            self._emptied = self._loop.create_future()
            await self._emptied

    def _take(self, reply: Any) -> None:
        if not self._waiting:
            self._fail(BROKEN)  # an answer to no command: nobody knows whose the next one would be
            return
        sent = self._waiting.popleft()
        if isinstance(reply, hiredis.ReplyError):
            self._refuse(sent, str(reply))
        elif not sent.reply.done():
            sent.reply.set_result(reply)
        if self._emptied is not None and not self._waiting:
            self._emptied.set_result(None)
            self._emptied = None

    def _refuse(self, sent: Sent, text: str) -> None:
        code = code_of(text)
        if code == "NOSCRIPT" and sent.script is not None and self.is_open:
            self._send_aside("SCRIPT", "LOAD", sent.script.text)
            sent.script = None  # where loading is refused, the script is refused with the same words
            self.pass_on(sent)
            return
        if is_never_run(code) and self._owner.is_sent_on(sent, text):
            return
        failure = refusal(text)
        if isinstance(failure, StoreUnavailable):
            self._owner.troubled()
        if not sent.reply.done():
            sent.reply.set_exception(failure)

    def _send_aside(self, *command: str) -> None:
        aside = Sent(self._loop.create_future(), packed(command))
        aside.reply.add_done_callback(_ignore)
        self.send(aside)

    def _look_at_the_time(self) -> None:
        self._timer = None
        if not self._waiting:
            return
        expires_at = self._waiting[0].expires_at
        if self._loop.time() >= expires_at:
            self._fail(LATE)
        else:
            self._timer = self._loop.call_at(expires_at, self._look_at_the_time)

    def _fail(self, reason: str) -> None:
        self._end(reason)
        self._owner.troubled()

    def _end(self, reason: str) -> None:
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


def packed(command: tuple[bytes | str | int, ...]) -> bytes:
    """Give a command as it travels."""
    data: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]  # the stub means one item
    return data


def _ignore(reply: "asyncio.Future[Any]") -> None:
    if not reply.cancelled():
        reply.exception()
