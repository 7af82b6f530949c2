"""A network that can be cut: before each server a door, which knows by the caller's address who comes.

The rule that matters: a cut is silent, as a network's is. Nothing is refused and nothing ended; what is said to a
server behind a shut door, and what it answers, arrives when the door is open again, or never.
"""

import asyncio
import threading
from asyncio import StreamReader, StreamWriter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from tests.store.groups import HOST

T = TypeVar("T")

PEERS = "127.0.0.2"
"""From where servers and sentinels call; the gateway calls from another address of loopback."""

_CHUNK = 1 << 16


class Door:
    """Where a server is reached: at `port` of loopback. `target` is the server's own port, once it has one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.port = 0
        self.target = 0
        self._loop = loop
        self._is_open = asyncio.Event()
        self._is_open.set()

    def shut(self) -> None:
        """Cut the server off from its peers; others still reach it."""
        self._loop.call_soon_threadsafe(self._is_open.clear)

    def open(self) -> None:
        """Let its peers reach it again."""
        self._loop.call_soon_threadsafe(self._is_open.set)

    async def listen(self) -> asyncio.Server:
        """Take callers on a free port."""
        listener = await asyncio.start_server(self._serve, HOST, 0)
        self.port = listener.sockets[0].getsockname()[1]
        return listener

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        is_peer = writer.get_extra_info("peername")[0] == PEERS
        with suppress(OSError, asyncio.CancelledError):  # the end of the network
            if is_peer:
                await self._is_open.wait()
            behind_reader, behind_writer = await asyncio.open_connection(HOST, self.target)
            ways = ((reader, behind_writer), (behind_reader, writer))
            await asyncio.wait(
                [asyncio.ensure_future(self._passed_on(*way, is_peer=is_peer)) for way in ways],
                return_when=asyncio.FIRST_COMPLETED,
            )
            behind_writer.close()
        writer.close()

    async def _passed_on(self, reader: StreamReader, writer: StreamWriter, *, is_peer: bool) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                if is_peer:
                    await self._is_open.wait()
                writer.write(data)
                await writer.drain()


class Network:
    """Doors, which live in a thread of their own."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._listeners: list[asyncio.Server] = []

    def door(self) -> Door:
        """Give a new door, before no server yet."""
        door = Door(self._loop)
        self._listeners.append(self._run(door.listen()))
        return door

    def end(self) -> None:
        """End every connection."""
        self._run(self._ended())

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _ended(self) -> None:
        for listener in self._listeners:
            listener.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


@contextmanager
def network() -> Iterator[Network]:
    """Give a network; nothing of it is left afterwards."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="network", daemon=True)
    thread.start()
    found = Network(loop)
    try:
        yield found
    finally:
        found.end()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
