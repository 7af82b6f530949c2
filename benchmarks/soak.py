"""What a gateway's memory does under steady load: resident memory and open files of each process, sampled and fitted.

    python -m benchmarks.soak [--minutes 10] [--workers 2] [--rate 150]

Calls come at a steady rate: whole ones, streams of 100 chunks, and clients that leave in the middle. At the end nothing
may be held. The slope is a least-squares line over the second half, when caches are full.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import uvloop
from aiohttp import ClientSession, ClientTimeout, TCPConnector

from benchmarks.performance.load import BODY
from benchmarks.performance.servers import KEY, Server, running

EVERY_SECONDS = 2.0


@dataclass
class Sampled:
    """One process over time: seconds, MiB, open files."""

    seconds: list[float] = field(default_factory=list)
    mib: list[float] = field(default_factory=list)
    files: list[int] = field(default_factory=list)

    def slope(self) -> float:
        """Give the growth in MiB an hour over the second half."""
        half = len(self.seconds) // 2
        if len(self.seconds) - half < 2:
            return 0.0
        return statistics.linear_regression(self.seconds[half:], self.mib[half:]).slope * 3600


async def one_call(session: ClientSession, server: Server, number: int) -> None:
    """Make one call: of ten, six whole, three streams, one that its client leaves."""
    kind = number % 10
    body = {**BODY, "stream": kind >= 6}
    async with session.post(f"http://127.0.0.1:{server.port}/v1/chat/completions", json=body) as answer:
        assert answer.status == 200, (answer.status, await answer.text())
        if kind == 9:
            await answer.content.readany()
            return
        await answer.read()


async def loaded(server: Server, seconds: float, rate: float) -> tuple[int, dict[int, Sampled]]:
    """Call at a steady rate for so long; gives the number of calls and what each process took."""
    sampled: dict[int, Sampled] = {}
    started, calls, sample_at = time.monotonic(), 0, 0.0
    timeout = ClientTimeout(total=30)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with (
        ClientSession(connector=TCPConnector(limit=0), headers=headers, timeout=timeout) as session,
        asyncio.TaskGroup() as group,
    ):
        while (now := time.monotonic() - started) < seconds:
            while calls < now * rate:
                group.create_task(one_call(session, server, calls))
                calls += 1
            if now >= sample_at:
                sample_at = now + EVERY_SECONDS
                note(server, now, sampled)
                print(f"\r{now:5.0f} of {seconds:.0f} s, {calls} calls ", end="", file=sys.stderr, flush=True)
            await asyncio.sleep(0.01)
    print(file=sys.stderr)
    return calls, sampled


def note(server: Server, now: float, sampled: dict[int, Sampled]) -> None:
    """Sample every process of the server."""
    for pid, mib in server.memory().items():
        try:
            files = len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - the count is all
        except FileNotFoundError:
            continue
        one = sampled.setdefault(pid, Sampled())
        one.seconds.append(now)
        one.mib.append(mib)
        one.files.append(files)


async def held(server: Server) -> int:
    """Give what the budgets still hold, once everything should be settled."""
    await asyncio.sleep(3)
    async with (
        ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session,
        session.get(f"http://127.0.0.1:{server.port}/v1/budget") as answer,
    ):
        return sum(budget["held"] for budget in json.loads(await answer.read())["data"])


async def soak(minutes: float, workers: int, rate: float) -> None:
    """Run it and print the table."""
    with tempfile.TemporaryDirectory() as directory, running(Path(directory), workers) as servers:
        server = servers[-1]
        calls, sampled = await loaded(server, minutes * 60, rate)
        left = await held(server)
    print(f"{calls} calls in {minutes:g} minutes, {workers} workers; held at the end: {left}\n")
    print("| process | MiB first | MiB last | MiB most | MiB an hour | files first | files last |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for place, one in enumerate(sampled.values()):
        memory = f"{one.mib[0]:.1f} | {one.mib[-1]:.1f} | {max(one.mib):.1f} | {one.slope():+.1f}"
        print(f"| {place} | {memory} | {one.files[0]} | {one.files[-1]} |")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description="Memory under steady load.")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rate", type=float, default=150, help="calls a second")
    chosen = parser.parse_args()
    uvloop.run(soak(chosen.minutes, chosen.workers, chosen.rate))


if __name__ == "__main__":
    main()
