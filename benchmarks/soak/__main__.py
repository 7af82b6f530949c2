"""The command: warm-up, capacity, the long phase, and what is left."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

import redis.asyncio
import uvloop
from aiohttp import ClientSession

from benchmarks.performance.servers import KEY, Server, running
from benchmarks.soak.load import Load
from benchmarks.soak.report import COMMAND, Found, Part, tables, write
from benchmarks.soak.sampling import Sampling, busy_seconds
from gateway.budget import keys
from gateway.store import socket_url
from gateway.store.shards import prefixes

AT_ONCE = 64
WARM_UP_SECONDS = 8.0
CAPACITY_SECONDS = 20.0
LOOK_SECONDS = 2.0
PARTS = 10
REST_SECONDS = 60.0


async def soak(server: Server, data: Path, found: Found, seconds: float, share: float) -> None:
    """Run it; `found` is filled."""
    load, sampling = Load(server.port), Sampling(server.pid)
    await load.at_once(AT_ONCE, WARM_UP_SECONDS)
    found.capacity = await _carried(load)
    found.rate = found.rate or found.capacity * share / 100
    looking = asyncio.create_task(_look(sampling, load, seconds, found))
    begun, place = time.perf_counter(), 0
    load.taken()
    for place in range(PARTS):
        busy, there = busy_seconds()
        until = seconds * (place + 1) / PARTS
        await load.paced(found.rate, until - (time.perf_counter() - begun), begun)
        now_busy, now_there = busy_seconds()
        found.parts.append(Part(until / 60, *load.taken(), 100 * (now_busy - busy) / (now_there - there)))
    looking.cancel()
    found.unanswered = await load.rest(REST_SECONDS)
    load.close()
    found.processes = list(sampling.processes.values())
    found.held, found.leases = await _left(server, data)


async def _carried(load: Load) -> float:
    """Give how many calls a second would keep the machine busy.

    As many as can be at once is more than that: they come in larger batches than those of a steady rate. So half of it
    is tried, and what that takes of the processors says how many of such calls they would carry.
    """
    most = await load.at_once(AT_ONCE, CAPACITY_SECONDS) / 0.9  # one in ten leaves, and is not counted
    busy, there = busy_seconds()
    await load.paced(most / 2, CAPACITY_SECONDS, time.perf_counter())
    now_busy, now_there = busy_seconds()
    await load.rest(REST_SECONDS)
    return min(most, most / 2 * (now_there - there) / (now_busy - busy))


async def _look(sampling: Sampling, load: Load, seconds: float, found: Found) -> None:
    begun = time.perf_counter()
    every = max(LOOK_SECONDS, seconds / 10_000)
    while True:
        now = time.perf_counter() - begun
        sampling.look(now)
        rss = [one.looks[-1].rss for one in sampling.processes.values() if one.part == "worker"]
        errors = sum(part.errors.total() for part in found.parts) + load.errors.total()
        words = f"{now:6.0f} of {seconds:.0f} s, {load.open} open, {errors} errors, workers {rss!r:.60}"
        print(f"\r{words:<100}", end="", file=sys.stderr, flush=True)
        await asyncio.sleep(every)


async def _left(server: Server, data: Path) -> tuple[int, int]:
    """Wait until nothing is held and no lease is open, or a minute; gives how much is after all."""
    url = socket_url(data)
    assert url is not None
    store = redis.asyncio.Redis.from_url(url)
    held = leases = 0
    for _ in range(60):
        held = await _held(server)
        leases = sum([await store.zcard(prefix + keys.DEADLINES) for prefix in prefixes()])
        if not held and not leases:
            break
        await asyncio.sleep(1)
    await store.aclose()
    return held, leases


async def _held(server: Server) -> int:
    async with (
        ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as session,
        session.get(f"http://127.0.0.1:{server.port}/v1/budget") as answer,
    ):
        return sum(budget["held"] for budget in (await answer.json())["data"])


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Memory, files, times and errors under steady load.")
    parser.add_argument("--minutes", type=float, default=15, help="1440 for a day")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--share", type=float, default=80, help="percent of the capacity, which is measured first")
    parser.add_argument("--rate", type=float, default=0.0, help="calls a second, whatever the capacity")
    parser.add_argument("--write", action="store_true", help="put the result into docs/reliability.md")
    chosen = parser.parse_args()
    seconds = chosen.minutes * 60
    command = f"{COMMAND} --minutes {chosen.minutes:g}"
    found = Found(command, chosen.workers, 0.0, chosen.rate, warm_seconds=min(300.0, seconds / 4))
    with tempfile.TemporaryDirectory() as name, running(Path(name), chosen.workers) as servers:
        uvloop.run(soak(servers[-1], Path(name) / "data", found, seconds, chosen.share))
    print(file=sys.stderr)
    text = tables(found)
    print(text)
    if chosen.write:
        write(text)


if __name__ == "__main__":
    main()
