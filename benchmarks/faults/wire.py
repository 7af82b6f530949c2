"""A wire between the gateway and its store that loses answers, repeats scripts, or lets everything come late.

It runs in a thread of its own, so that nothing else makes it slow; `Wire` may be told what to do from any other.

The rule that matters: within a connection everything keeps its order, as TCP has it. So what is late stays behind what
was sent before it, also when its sender has left meanwhile; an answer that was lost ends the connection later; and
what is repeated travels on a connection of its own, whose answers nobody reads.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from pathlib import Path
from random import Random
from typing import Any, cast

import hiredis

SCRIPT = b"EVALSHA"
LATE_SECONDS = REPEAT_SECONDS = 3.0
TIMES = (1, 1, 2, 3)
"""How often a script is repeated, one of these."""

_STEP_SECONDS = 1e-6
_START_SECONDS = 10.0


class Mode(Enum):
    """What it does: nothing; `LOSE` the answers of a connection that has carried a script; `BREAK` it at the first.

    `LATE` is for both directions; `REPEAT` for scripts; `MUTE` loses every answer.
    """

    PASS = auto()
    LOSE = auto()
    BREAK = auto()
    LATE = auto()
    REPEAT = auto()
    MUTE = auto()


class Wire:
    """`hits` counts what was done: answers lost, connections broken, chunks made late, scripts repeated."""

    def __init__(self, server: Path) -> None:
        self.server = server
        self.hits = 0
        self.repeating = 0
        self.mode = Mode.PASS
        self.dice = Random(0)
        self.lines: set[Line] = set()
        self.port = 0
        self._server: asyncio.Server | None = None
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """What the gateway takes for the store."""
        return f"redis://127.0.0.1:{self.port}"

    def become(self, mode: Mode, dice: Random | None = None) -> None:
        """Go on like this from now on."""
        self.dice = dice or self.dice
        self.mode = mode

    def cut(self) -> None:
        """End every connection."""
        self._loop.call_soon_threadsafe(self._end_all)

    def run(self) -> None:
        """Serve until `end`."""
        self._loop.run_until_complete(self._serve())
        self._loop.run_forever()
        self._loop.run_until_complete(self._left())
        self._loop.close()

    def started(self) -> None:
        """Wait until it takes connections."""
        if not self._ready.wait(_START_SECONDS):
            raise TimeoutError("the wire's start")

    def end(self) -> None:
        """Stop."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    def repeat(self, command: list[bytes]) -> None:
        """Send a command again, some times, each a while later."""
        for _ in range(self.dice.choice(TIMES)):
            self.repeating += 1
            task = self._loop.create_task(self._repeated(command, self.dice.uniform(0, REPEAT_SECONDS)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self) -> None:
        self._server = await self._loop.create_server(lambda: Line(self, self._loop), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._ready.set()

    def _end_all(self) -> None:
        for line in list(self.lines):
            line.end()

    async def _left(self) -> None:
        if self._server is not None:
            self._server.close()
        self._end_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)

    async def _repeated(self, command: list[bytes], seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
            with suppress(OSError):
                reader, writer = await asyncio.open_unix_connection(self.server)
                writer.write(hiredis.pack_command(tuple(command)))  # type: ignore[arg-type]
                answer: Any = await _reply(reader)
                self.hits += not isinstance(answer, hiredis.ReplyError)
                writer.close()
        finally:
            self.repeating -= 1


async def _reply(reader: asyncio.StreamReader) -> Any:
    found = hiredis.Reader()
    while (answer := found.gets()) is False:
        data = await reader.read(1 << 16)
        if not data:
            raise ConnectionResetError
        found.feed(data)
    return answer


class Line(asyncio.Protocol):
    """One connection through the wire, as the gateway's end of it; `Far` is the store's."""

    def __init__(self, wire: Wire, loop: asyncio.AbstractEventLoop) -> None:
        self._wire = wire
        self._loop = loop
        self._carried = False
        self._commands = hiredis.Reader()
        self._to_store: Way | None = None
        self._to_gateway: Way | None = None
        self._opening: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Open the other half; until then nothing is read."""
        near = cast("asyncio.Transport", transport)
        near.pause_reading()
        self._to_gateway = Way(self._loop, near)
        self._wire.lines.add(self)
        self._opening = self._loop.create_task(self._open(near))

    async def _open(self, near: asyncio.Transport) -> None:
        try:
            far, _ = await self._loop.create_unix_connection(lambda: Far(self), str(self._wire.server))
        except OSError:
            near.abort()
            return
        self._to_store = Way(self._loop, far)
        if near.is_closing():
            far.close()
        else:
            near.resume_reading()

    def data_received(self, data: bytes) -> None:
        """Take commands."""
        wire = self._wire
        if wire.mode in {Mode.LOSE, Mode.BREAK} and SCRIPT in data:
            self._carried = True
        self._look(data)
        if self._to_store is not None:
            self._to_store.send(data, self._delay())

    def _look(self, data: bytes) -> None:
        self._commands.feed(data)
        while (command := self._commands.gets()) is not False:
            if self._wire.mode is Mode.REPEAT and isinstance(command, list) and command[0] == SCRIPT:
                self._wire.repeat(command)

    def connection_lost(self, exc: Exception | None) -> None:
        """End the other half, behind what is still on its way there."""
        del exc
        self._wire.lines.discard(self)
        if self._to_store is not None:
            self._to_store.send(b"", 0)

    def answered(self, data: bytes) -> None:
        """Take answers."""
        wire = self._wire
        if wire.mode is Mode.MUTE or self._carried:
            wire.hits += 1
            if wire.mode is Mode.BREAK:
                self.end()
            return
        if self._to_gateway is not None:
            self._to_gateway.send(data, self._delay())

    def left(self) -> None:
        """Hear that the store has ended its half."""
        if self._to_gateway is not None:
            self._to_gateway.send(b"", 0)

    def end(self) -> None:
        """End both halves now."""
        for way in (self._to_store, self._to_gateway):
            if way is not None:
                way.end()

    def _delay(self) -> float:
        if self._wire.mode is not Mode.LATE:
            return 0.0
        self._wire.hits += 1
        return self._wire.dice.uniform(0, LATE_SECONDS)


class Far(asyncio.Protocol):
    """The store's end of a line."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def data_received(self, data: bytes) -> None:
        """Pass it to the line."""
        self._line.answered(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the line."""
        del exc
        self._line.left()


class Way:
    """One direction of a line: what is sent goes out in its order, late where it has to be; nothing at all ends it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, out: asyncio.Transport) -> None:
        self._loop = loop
        self._out = out
        self._due_at = 0.0
        self._pending = 0

    def send(self, data: bytes, seconds: float) -> None:
        """Send it after so long, and after all that was sent before."""
        if not self._pending and not seconds:
            self._write(data)
            return
        self._pending += 1
        self._due_at = max(self._due_at + _STEP_SECONDS, self._loop.time() + seconds)
        self._loop.call_at(self._due_at, self._write_late, data)

    def end(self) -> None:
        """Drop what is on its way, and end."""
        self._out.abort()

    def _write_late(self, data: bytes) -> None:
        self._pending -= 1
        self._write(data)

    def _write(self, data: bytes) -> None:
        if self._out.is_closing():
            return
        if data:
            self._out.write(data)
        else:
            self._out.close()


@contextmanager
def wired(server: Path) -> Iterator[Wire]:
    """Give a wire to the server with this socket; it is gone afterwards."""
    wire = Wire(server)
    thread = threading.Thread(target=wire.run, name="wire")
    thread.start()
    try:
        wire.started()
        yield wire
    finally:
        wire.end()
        thread.join()
