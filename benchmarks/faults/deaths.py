"""kill -9 of one kind of process, again and again.

The rule that matters: a gateway whose workers, or whose store, die young six times in a row gives up, as it should. So
every fourth victim is let live until its death is no early one.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from random import Random

from benchmarks.faults.calls import Load
from benchmarks.faults.fault import Blow
from benchmarks.faults.kills import killed
from benchmarks.faults.site import Site, opened
from gateway.supervisor.patience import Patience

OLD_SECONDS = Patience().early_seconds + 0.5
EARLY_IN_A_ROW = 4


@dataclass(slots=True)
class Death:
    """The death of one `kind` of process, as kills.py knows it; `then` of another, which makes the first matter."""

    name: str
    title: str
    kind: str
    then: str = ""
    _numbers: Iterator[int] = field(default_factory=count)

    @contextmanager
    def opened(self, workers: int) -> Iterator[Site]:
        """Give a site with the embedded store."""
        self._numbers = count(1)
        with opened(server={"port": 0, "workers": workers, "drain_seconds": 10}) as site:
            yield site

    async def strike(self, site: Site, load: Load, dice: Random) -> Blow:
        """Kill it."""
        if next(self._numbers) % EARLY_IN_A_ROW == 0:
            await self._grown_up(site)
        await asyncio.sleep(dice.uniform(0, 0.5))
        blow = await killed(site, load, self.kind)
        if not self.then:
            return replace(blow, kind=self.title, spares_gateway=self.kind == "store")
        last = await killed(site, load, self.then)
        return replace(last, kind=self.title, at=blow.at, in_flight=blow.in_flight, hits=2)

    async def _grown_up(self, site: Site) -> None:
        """Wait until who is next is old enough."""
        kinds = {self.kind, self.then}
        while True:
            pids: set[int] = set()
            if "worker" in kinds:
                pids |= set(await asyncio.to_thread(lambda: site.gateway.workers_by_age()[:1]))
            if "store" in kinds:
                pids |= site.gateway.store_pids()
            if all(age_seconds(pid) >= OLD_SECONDS for pid in pids):
                return
            await asyncio.sleep(0.1)


def age_seconds(pid: int) -> float:
    """Give how long a process has lived (proc_pid_stat(5), field 22); OSError: it does not."""
    words = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(words[19]) / os.sysconf("SC_CLK_TCK")


FAULTS = (
    Death("worker-kill", "`kill -9` of a worker", "worker"),
    Death("store-kill", "`kill -9` of the embedded store", "store"),
    Death("fork-server-kill", "`kill -9` of the fork server, then of a worker", "fork server", then="worker"),
    Death("supervisor-kill", "`kill -9` of the supervisor", "supervisor"),
)
