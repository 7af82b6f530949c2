"""The command: starts everything, measures in turns, prints the tables."""

import argparse
import asyncio
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.memory import Taken, workers
from benchmarks.siege.good import Figures, good, quiet
from benchmarks.siege.report import COMMAND, Row, tables, write
from benchmarks.siege.words import KEY

HEADER_SECONDS = 5
BODY_SECONDS = 5
STALL_SECONDS = 300
"""So long that nobody is sent away for not reading while it is measured."""
CROWDED_SECONDS = 10
"""How long a crowd has at least to be at what it does."""
TIDY_SECONDS = 12
"""Within so long a worker gives back what is free."""
LEAVING_SECONDS = 120
"""Within so long the buffers of unread streams are full, and what they held is counted when they have left."""
CONFIG = """
server: {{port: 0, header_seconds: {header}, body_seconds: {body}, stall_seconds: {stall}}}
admin: {{port: 0}}
store: {{url: embedded, data_dir: ./data}}
providers: {{far: {{dialect: openai, base_url: "http://127.0.0.1:{port}/v1", models: {{m: {{}}}}}}}}
companies: [{{id: 11111111-1111-4111-8111-111111111111, name: acme}}]
users: [{{id: 22222222-2222-4222-8222-222222222222, name: ada, company: acme}}]
keys: [{{name: ada, key: {key}, company: acme, user: ada}}]
"""


@contextmanager
def beside(port: int, count: int, kind: str, ended: list[int]) -> Iterator[None]:
    """Have a crowd at work for the length of the block; then `ended` has how many of it the gateway ended."""
    command = [sys.executable, "-m", "benchmarks.siege.crowd", str(port), str(count), kind]
    crowd = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert crowd.stdout is not None
    crowd.stdout.readline()
    try:
        yield
    finally:
        ended.append(int(crowd.communicate()[0]))


class Siege:
    """One gateway, measured phase by phase; each row grows with every turn of its crowd."""

    def __init__(self, url: str, worker: int, seconds: float) -> None:
        self._url = url
        self._worker = worker
        self._seconds = seconds
        self._rested: Taken | None = None

    async def warm(self) -> None:
        """Have everything loaded that any call needs."""
        await good(self._url, self._worker, 5)
        self._rested = await quiet(self._worker, TIDY_SECONDS, LEAVING_SECONDS)

    async def turn(self, row: Row, count: int, kind: str, leaving: Row | None) -> None:
        """Measure idle, then beside a crowd, then, where there is a row for it, while that leaves."""
        assert self._rested is not None
        row.before.append(self._rested)
        idle = await self._good(f"idle before {row.name}")
        row.idle.add(idle)
        ended: list[int] = []
        with beside(int(self._url.rpartition(":")[2]), count, kind, ended):
            # Until the buffers of a thousand streams are full, they are a crowd that reads.
            await quiet(self._worker, CROWDED_SECONDS, LEAVING_SECONDS if kind == "streams" else 0)
            row.besieged.add(await self._good(row.name))
        row.ended += ended[0]
        if leaving is not None:
            leaving.before.append(self._rested)
            leaving.idle.add(idle)
            leaving.besieged.add(await self._good(leaving.name))
        self._rested = await quiet(self._worker, TIDY_SECONDS, LEAVING_SECONDS)
        row.after.append(self._rested)
        if leaving is not None:
            leaving.after.append(self._rested)

    async def _good(self, name: str) -> Figures:
        print(f"\r{name:<50}", end="", file=sys.stderr, flush=True)
        return await good(self._url, self._worker, self._seconds)


async def measure(url: str, worker: int, slow: int, stalled: int, seconds: float, rounds: int) -> Sequence[Row]:
    """Give a row for each crowd, measured in turns."""
    siege = Siege(url, worker, seconds)
    await siege.warm()
    dripping = ((Row(f"{slow:,} dripping {kind}"), slow, kind, None) for kind in ("headers", "bodies"))
    leaving = Row(f"{stalled:,} of them leave at once")
    kinds = [*dripping, (Row(f"{stalled:,} streams not read"), stalled, "streams", leaving)]
    for kind in kinds:
        for _ in range(rounds):
            await siege.turn(*kind)
    print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    return [*(kind[0] for kind in kinds), leaving]


@contextmanager
def besieged(directory: Path) -> Iterator[tuple[str, int]]:
    """Start the far end and the gateway; give the gateway's address and its worker."""
    far = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.siege.provider"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert far.stdout is not None
    path, log = directory / "config.yaml", directory / "log"
    times = {"header": HEADER_SECONDS, "body": BODY_SECONDS, "stall": STALL_SECONDS}
    path.write_text(CONFIG.format(port=int(far.stdout.readline()), key=KEY, **times), "utf-8")
    command = [sys.executable, "-m", "gateway", "serve", "--config", str(path)]
    with log.open("wb") as written:
        gateway = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=written)
    url = None
    try:
        url = _url(gateway)
        yield url, workers(gateway.pid)[0]
    finally:
        for process in (gateway, far):
            process.terminate()
            process.wait(90)
        text = log.read_text("utf-8")
        if url is None:
            print(text)
        print(f"the gateway's log: {text.count('turned_away')} lines of what it turned away", file=sys.stderr)


def _url(gateway: "subprocess.Popen[bytes]") -> str:
    """Give the address from the start screen."""
    assert gateway.stdout is not None
    for line in gateway.stdout:
        for word in line.decode().split():
            if word.startswith("http://127.0.0.1:"):
                return word.removesuffix("/v1").rstrip("/")
    raise AssertionError("the gateway did not start")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Good calls beside bad clients.")
    parser.add_argument("--slow", type=int, default=2000, help="clients that drip")
    parser.add_argument("--stalled", type=int, default=1000, help="streams that nobody reads")
    parser.add_argument("--seconds", type=float, default=20, help="each phase")
    parser.add_argument("--rounds", type=int, default=2, help="idle, besieged, idle, besieged: two")
    parser.add_argument("--write", action="store_true", help="put the result into docs/reliability.md")
    chosen = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as directory, besieged(Path(directory)) as (url, worker):
        rows = asyncio.run(measure(url, worker, chosen.slow, chosen.stalled, chosen.seconds, chosen.rounds))
    given = f"--slow {chosen.slow} --stalled {chosen.stalled} --seconds {chosen.seconds:g} --rounds {chosen.rounds}"
    text = tables(rows, f"{COMMAND} {given}")
    print(text)
    if chosen.write:
        write(text)


if __name__ == "__main__":
    main()
