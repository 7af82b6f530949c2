"""What the supervisor and a worker say to each other, and the socket they say it over.

The rule that matters: the end of the socket is a message too. It tells a worker that the supervisor is gone, and the
supervisor that the worker is.
"""

import asyncio
import socket
from typing import Self

import msgspec

_LENGTH_BYTES = 4


class Begin(msgspec.Struct, tag=True, frozen=True):
    """To a new worker: serve under this configuration. `host` and `port` are those that are bound."""

    generation: int
    content: bytes
    source: str
    host: str
    port: int
    store_url: str


class Reload(msgspec.Struct, tag=True, frozen=True):
    """To a worker: the next call is the first under this configuration."""

    generation: int
    content: bytes


class Ping(msgspec.Struct, tag=True, frozen=True):
    """To a worker: answer."""


class Leave(msgspec.Struct, tag=True, frozen=True):
    """To a worker: take no new connections, end when the calls have. Idle connections stay for `linger_seconds`."""

    linger_seconds: float


class Hurry(msgspec.Struct, tag=True, frozen=True):
    """To a worker that leaves: wait for no call any more."""


class Pong(msgspec.Struct, tag=True, frozen=True):
    """From a worker: I am here."""


class Serving(msgspec.Struct, tag=True, frozen=True):
    """From a worker: the next call is under the configuration of this generation; or why it is not."""

    generation: int
    problem: str = ""


class Standing(msgspec.Struct, tag=True, frozen=True):
    """From a worker: whether it admits calls in every part of the store, in some, and whether it does without it."""

    everywhere: bool
    somewhere: bool
    without: bool


class Leaving(msgspec.Struct, tag=True, frozen=True):
    """From a worker: I take no new connections; somebody else told me to end."""


Order = Begin | Reload | Ping | Leave | Hurry
Word = Pong | Serving | Standing | Leaving


class Channel:
    """One end of the socket between the supervisor and a worker, in the running loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._orders = msgspec.msgpack.Decoder(Order)
        self._words = msgspec.msgpack.Decoder(Word)

    @classmethod
    async def on(cls, end: socket.socket) -> Self:
        """Make a channel of a connected socket, which is then the channel's."""
        end.setblocking(False)
        return cls(*await asyncio.open_unix_connection(sock=end))

    def send(self, message: Order | Word) -> None:
        """Say something; it is lost when nobody is there."""
        if not self._writer.is_closing():
            frame = msgspec.msgpack.encode(message)
            self._writer.write(len(frame).to_bytes(_LENGTH_BYTES, "big") + frame)

    async def order(self) -> Order | None:
        """Wait for what the supervisor says; None when it is gone."""
        frame = await self._frame()
        return None if frame is None else self._orders.decode(frame)

    async def word(self) -> Word | None:
        """Wait for what the worker says; None when it is gone."""
        frame = await self._frame()
        return None if frame is None else self._words.decode(frame)

    def close(self) -> None:
        """End it."""
        self._writer.close()

    async def _frame(self) -> bytes | None:
        try:
            length = int.from_bytes(await self._reader.readexactly(_LENGTH_BYTES), "big")
            return await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
