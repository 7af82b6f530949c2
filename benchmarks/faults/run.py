"""One run: the load, the kills, the changes, then the books."""

import asyncio
import time
from random import Random

from benchmarks.faults.books import read
from benchmarks.faults.calls import Load
from benchmarks.faults.changes import changing
from benchmarks.faults.kills import killing, sequence
from benchmarks.faults.report import Findings
from benchmarks.faults.site import Site, opened


async def run(*, kills: int, seed: int, workers: int, callers: int, reloads: int, restarts: int) -> Findings:
    """Do it all on a gateway of its own; nothing of it is left afterwards."""
    with opened(server={"port": 0, "workers": workers, "drain_seconds": 10}) as site:
        return await _run(site, kills, seed, callers, reloads, restarts)


async def _run(site: Site, kills: int, seed: int, callers: int, reloads: int, restarts: int) -> Findings:
    began, dice = time.monotonic(), Random(seed)
    load = Load(lambda: site.url, dice.randrange(1 << 32))
    async with load.running(callers):
        killed = await killing(site, load, sequence(kills, dice), dice)
        changes = await changing(site, load, reloads, restarts)
    books = await read(site, load.made, killed)
    exit_status = await asyncio.to_thread(site.gateway.stop)
    seconds = time.monotonic() - began
    orphans = len(site.running())
    return Findings(seed, site.workers, callers, seconds, killed, changes, books, orphans, exit_status)
