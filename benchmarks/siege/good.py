"""Good calls at a fixed rate, each on time however long others take; and what the worker takes meanwhile."""

import asyncio
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from aiohttp import ClientSession, TCPConnector

from benchmarks.memory import Taken, cpu_seconds, taken
from benchmarks.siege.words import BODY, KEY

RATE = 50
"""Calls a second."""


@dataclass
class Figures:
    """What phases of one kind came to: milliseconds of calls, looks at the worker."""

    latencies: list[float] = field(default_factory=list)
    failed: int = 0
    looks: list[Taken] = field(default_factory=list)
    cpu_percents: list[float] = field(default_factory=list)

    def add(self, other: "Figures") -> None:
        """Take another phase of the same kind in."""
        self.latencies += other.latencies
        self.failed += other.failed
        self.looks += other.looks
        self.cpu_percents += other.cpu_percents

    def percentile(self, percent: int) -> float:
        """Give a percentile of the latencies, in milliseconds."""
        return statistics.quantiles(self.latencies, n=100)[percent - 1]


async def good(url: str, worker: int, seconds: float) -> Figures:
    """Call for so long."""
    figures = Figures()
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    async with ClientSession(connector=TCPConnector(limit=0), headers=headers) as session:
        begun, cpu, calls = time.perf_counter(), cpu_seconds(worker), list[asyncio.Task[float]]()
        while (late := time.perf_counter() - begun) < seconds:
            calls.append(asyncio.create_task(_call(session, url)))
            if len(calls) % RATE == 0:
                figures.looks.append(taken(worker))
            await asyncio.sleep(max(0.0, len(calls) / RATE - late))
        ends = await asyncio.gather(*calls, return_exceptions=True)
        figures.cpu_percents.append(100 * (cpu_seconds(worker) - cpu) / (time.perf_counter() - begun))
    errors = Counter(repr(end) for end in ends if isinstance(end, BaseException))
    if errors:
        print(errors, file=sys.stderr)
    figures.failed = errors.total()
    figures.latencies = [end for end in ends if isinstance(end, float)]
    return figures


async def quiet(worker: int, at_least: float, at_most: float) -> Taken:
    """Wait until the worker has nothing more to do; gives what it takes then."""
    await asyncio.sleep(at_least)
    begun = time.perf_counter()
    while time.perf_counter() - begun < at_most:
        cpu = cpu_seconds(worker)
        await asyncio.sleep(1)
        if cpu_seconds(worker) - cpu < 0.03:
            break
    return taken(worker)


async def _call(session: ClientSession, url: str) -> float:
    started = time.perf_counter()
    async with session.post(url + "/v1/chat/completions", data=BODY) as answer:
        text = await answer.text()
        if answer.status != 200:
            raise AssertionError(f"{answer.status}: {text[:200]}")
    return (time.perf_counter() - started) * 1000
