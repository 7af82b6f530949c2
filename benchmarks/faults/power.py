"""A power cut: the store is killed, and what its disk had not been told to keep is gone.

What the disk had is not asked of the server: to wait for a sync (WAITAOF) makes it sync more often. With `everysec`,
the file is cut to the length that it had at a random moment of the last two seconds: the server syncs once a second,
and where a sync takes longer, writes on for two at most before it waits. So this is as hard as a real power cut, or
harder. With `always`, the wire first holds back every answer, then a mark is written, and the file is cut at a random
byte behind it: whatever the gateway was told is before the mark, what is behind it a disk may have kept or not.

https://valkey.io/topics/persistence/
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from random import Random

from benchmarks.faults.calls import Load
from benchmarks.faults.fault import Blow, answered, whole
from benchmarks.faults.replies import behind_a_wire
from benchmarks.faults.site import Site
from benchmarks.faults.wire import Mode, Wire
from tests.store.restartable import Restartable

LOST_SECONDS = 2.0
KEY = b"gateway-faults:mark"
_CHARGE = b"XADD"
_LOOK_SECONDS = 0.01


class Lengths:
    """How long a server's file was when, for as long as the block `kept` lasts."""

    def __init__(self, server: Restartable) -> None:
        self._server = server
        self._found: list[tuple[float, int]] = []

    @asynccontextmanager
    async def kept(self) -> AsyncIterator[None]:
        """Look all the time."""
        task = asyncio.create_task(self._look())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def at(self, moment: float) -> int:
        """Give the length at a moment of the monotonic clock; before all, the first that was seen."""
        return max((length for seen, length in self._found if seen <= moment), default=self._found[0][1])

    async def _look(self) -> None:
        while True:
            self._found.append((time.monotonic(), self._server.log_bytes))
            await asyncio.sleep(_LOOK_SECONDS)


async def mark(server: Restartable, number: int) -> None:
    """Write a mark to a server's file. OSError: it is gone."""
    reader, writer = await asyncio.open_unix_connection(server.socket)
    try:
        writer.write(b"SET %s %s\r\n" % (KEY, _named(number)))
        if (answer := await reader.readline()) != b"+OK\r\n":
            raise ConnectionResetError(answer.decode())
    finally:
        writer.close()


def end_of(number: int, appended: bytes) -> int:
    """Give where the file goes on behind a mark. ValueError: it is not there."""
    text = KEY + b"\r\n$%d\r\n%s\r\n" % (len(_named(number)), _named(number))
    return appended.rindex(text) + len(text)


def _named(number: int) -> bytes:
    return b"%09d" % number


class PowerCut:
    """The store is killed and loses what was not synced; `hits` are charges that it had made and forgot."""

    def __init__(self, appendfsync: str) -> None:
        self.name = f"power-cut-{appendfsync}"
        self.title = f"power cut, `appendfsync {appendfsync}`"
        self._appendfsync = appendfsync
        self._wire: Wire | None = None
        self._server: Restartable | None = None
        self._marks: Iterator[int] = count(1)

    @contextmanager
    def opened(self, workers: int) -> Iterator[Site]:
        """Give a site whose store is a Valkey behind a wire."""
        with behind_a_wire(self._appendfsync, workers) as (site, self._wire, self._server):
            yield site

    async def strike(self, site: Site, load: Load, dice: Random) -> Blow:
        """Kill the store, cut its file, start it again."""
        wire, server = self._wire, self._server
        assert wire is not None
        assert server is not None
        cut = self._cut_mid_write if self._appendfsync == "always" else self._cut_to_a_sync
        in_flight = len(load.in_flight)
        at, size = await cut(wire, server, dice)
        forgotten = server.appended().count(_CHARGE, size)
        server.cut(size)
        await asyncio.sleep(dice.uniform(0, 3))
        await asyncio.to_thread(server.start)
        wire.become(Mode.PASS)
        wire.cut()
        answered_at = await answered(load, self.title, in_a_row=2 * site.workers)
        whole_at = await whole(site, self.title)
        return Blow(self.title, at, answered_at, whole_at, in_flight, hits=forgotten, spares_gateway=True)

    async def _cut_to_a_sync(self, _wire: Wire, server: Restartable, dice: Random) -> tuple[float, int]:
        """Give when it was killed, and how much of its file is left."""
        lengths = Lengths(server)
        async with lengths.kept():
            await asyncio.sleep(LOST_SECONDS + dice.uniform(0, 1))
            at = time.monotonic()
            server.kill()
        return at, lengths.at(at - dice.uniform(0, LOST_SECONDS))

    async def _cut_mid_write(self, wire: Wire, server: Restartable, dice: Random) -> tuple[float, int]:
        at, number = time.monotonic(), next(self._marks)
        wire.become(Mode.MUTE, dice)
        await mark(server, number)
        await asyncio.sleep(dice.uniform(0, 0.5))
        server.kill()
        appended = server.appended()
        return at, dice.randint(end_of(number, appended), len(appended))


FAULTS = (PowerCut("everysec"), PowerCut("always"))
