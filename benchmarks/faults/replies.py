"""Faults of the network between the gateway and its store: answers lost, scripts sent twice, everything late.

The rule that matters: every command reaches the store, so whatever is asked once more was done before.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from benchmarks.faults.calls import Load
from benchmarks.faults.fault import Blow, answered, whole
from benchmarks.faults.site import Site, external, opened
from benchmarks.faults.wire import LATE_SECONDS, REPEAT_SECONDS, Mode, Wire, wired
from tests.store.restartable import Restartable, restartable

TURNS_SECONDS = 60.0


class OnTheWire:
    """A fault that a wire makes for some seconds. `pauses` are those between it and the next time within a blow."""

    def __init__(self, name: str, title: str, mode: Mode, seconds: tuple[float, float], times: Sequence[int]) -> None:
        self.name = name
        self.title = title
        self._mode = mode
        self._seconds = seconds
        self._times = times
        self._wire: Wire | None = None

    @contextmanager
    def opened(self, workers: int) -> Iterator[Site]:
        """Give a site whose store is a Valkey behind a wire."""
        with behind_a_wire("always", workers) as (site, self._wire, _):
            yield site

    async def strike(self, site: Site, load: Load, dice: Random) -> Blow:
        """Do it some times in a row, each for a while."""
        wire = self._wire
        assert wire is not None
        in_flight, at, before = len(load.in_flight), time.monotonic(), wire.hits
        for _ in range(dice.choice(self._times)):
            wire.become(self._mode, dice)
            await asyncio.sleep(dice.uniform(*self._seconds))
            wire.become(Mode.PASS)
            if self._mode is Mode.LOSE:  # what follows a lost answer would be taken for it
                wire.cut()
        await self._landed(wire)
        answered_at = await answered(load, self.title, in_a_row=2 * site.workers)
        whole_at = await whole(site, self.title)
        hits = wire.hits - before
        return Blow(self.title, at, answered_at, whole_at, in_flight, hits=hits, spares_gateway=True)

    async def _landed(self, wire: Wire) -> None:
        """Wait until nothing is late any more."""
        if self._mode is Mode.LATE:
            await asyncio.sleep(LATE_SECONDS)
        async with asyncio.timeout(TURNS_SECONDS + REPEAT_SECONDS):
            while wire.repeating:  # noqa: ASYNC110 - another thread sets no event
                await asyncio.sleep(0.05)


@contextmanager
def behind_a_wire(appendfsync: str, workers: int) -> Iterator[tuple[Site, Wire, Restartable]]:
    """Give a site, the wire to its store, and the store, a Valkey of its own."""
    with (
        TemporaryDirectory(prefix="gateway-faults-store-") as directory,
        restartable(Path(directory), appendfsync) as server,
        wired(server.socket) as wire,
        opened(server={"port": 0, "workers": workers, "drain_seconds": 10}, store=external(wire.url)) as site,
    ):
        yield site, wire, server


FAULTS = (
    OnTheWire("lost-replies", "answers of the store lost, then the connection", Mode.LOSE, (0.2, 2.5), (1,)),
    OnTheWire("cut-replies", "connection cut after each command, before its answer", Mode.BREAK, (0.1, 1.0), (1, 2, 4)),
    OnTheWire("repeats", "scripts sent again, up to 3 times, up to 3 s later", Mode.REPEAT, (1.0, 3.0), (1,)),
    OnTheWire("delays", "commands and answers 0 to 3 s late", Mode.LATE, (0.3, 3.0), (1,)),
)
