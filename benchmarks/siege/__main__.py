"""Measure a siege.

    python -m benchmarks.siege [--slow 2000] [--stalled 1000] [--seconds 20]

Processes on loopback: a provider, the gateway as an operator starts it (one worker, embedded store, the defaults of
`server:` but for shorter times), and this one, which is the good clients and the bad. The same good traffic, at a fixed
rate, is measured alone, beside sockets whose headers drip, beside sockets whose bodies drip, and beside streams that
nobody reads. Beside each: the memory of the gateway's processes, and how many sockets it ended.
"""

import argparse
import asyncio
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import ClientSession, TCPConnector

from benchmarks.siege.words import BODY, KEY

RATE = 40
"""Good calls a second."""
HEADER_SECONDS = 5
BODY_SECONDS = 5
STALL_SECONDS = 30
CROWDED_SECONDS = 10
"""How long a crowd has to be at what it does: to fill the buffers of 1,000 streams takes a while."""
CONFIG = """
server: {{port: 0, header_seconds: {header}, body_seconds: {body}, stall_seconds: {stall}}}
admin: {{port: 0}}
store: {{url: embedded, data_dir: ./data}}
providers: {{far: {{dialect: openai, base_url: "http://127.0.0.1:{port}/v1", models: {{m: {{}}}}}}}}
companies: [{{id: 11111111-1111-4111-8111-111111111111, name: acme}}]
users: [{{id: 22222222-2222-4222-8222-222222222222, name: ada, company: acme}}]
keys: [{{name: ada, key: {key}, company: acme, user: ada}}]
"""


@dataclass
class Figures:
    """What one phase came to."""

    latencies: list[float] = field(default_factory=list)
    failed: int = 0
    rss: list[int] = field(default_factory=list)
    cpu_percent: float = 0.0

    def line(self, name: str, ended: int) -> str:
        """Give a row of the table."""
        cut = statistics.quantiles(self.latencies, n=100)
        return (
            f"{name:<28}{len(self.latencies):>7}{self.failed:>8}{cut[49]:>9.1f}{cut[94]:>9.1f}{cut[98]:>9.1f}"
            f"{self.cpu_percent:>9.0f}{min(self.rss):>9}{max(self.rss):>9}{ended:>8}"
        )


def family(pid: int) -> list[int]:
    """Give a process and those below it, without the store."""
    children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    ours = [one for one in children if "valkey" not in Path(f"/proc/{one}/comm").read_text()]
    return [pid, *(one for child in ours for one in family(child))]


def rss_mib(pid: int) -> int:
    """Give the resident memory of a gateway, in MiB."""
    pages = sum(int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in family(pid))
    return pages * os.sysconf("SC_PAGE_SIZE") >> 20


def cpu_seconds(pid: int) -> float:
    """Give user + system time of a gateway so far, of the processes that live."""
    rows = [Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split() for one in family(pid)]
    return sum(int(row[11]) + int(row[12]) for row in rows) / os.sysconf("SC_CLK_TCK")


async def good(url: str, pid: int, seconds: float) -> Figures:
    """Make good calls at a fixed rate, each on time however long others take."""
    figures = Figures()

    async def call(session: ClientSession) -> None:
        started = time.perf_counter()
        async with session.post(url + "/v1/chat/completions", data=BODY) as answer:
            await answer.read()
            figures.failed += answer.status != 200
            if answer.status != 200:
                print(await answer.text(), file=sys.stderr)
        figures.latencies.append((time.perf_counter() - started) * 1000)

    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    async with ClientSession(connector=TCPConnector(limit=0), headers=headers) as session:
        begun, calls, cpu = time.perf_counter(), [], cpu_seconds(pid)
        while (late := time.perf_counter() - begun) < seconds:
            calls.append(asyncio.ensure_future(call(session)))
            if len(calls) % RATE == 0:
                figures.rss.append(rss_mib(pid))
            await asyncio.sleep(max(0.0, len(calls) / RATE - late))
        ends = await asyncio.gather(*calls, return_exceptions=True)
        errors = [type(one).__name__ for one in ends if isinstance(one, Exception)]
        figures.failed += len(errors)
        if errors:
            print(Counter(errors), file=sys.stderr)
    figures.cpu_percent = 100 * (cpu_seconds(pid) - cpu) / (time.perf_counter() - begun)
    return figures


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


async def measure(url: str, pid: int, slow: int, stalled: int, seconds: float) -> None:
    """Print a row for each phase."""
    port = int(url.rpartition(":")[2])
    titles = ("p50 ms", "p95 ms", "p99 ms", "CPU %", "MiB", "to")
    print(f"{'beside':<28}{'calls':>7}{'failed':>8}{''.join(f'{title:>9}' for title in titles)}{'ended':>8}")
    await good(url, pid, 3)
    print((await good(url, pid, seconds)).line("nobody", 0), flush=True)
    crowds = {
        f"{slow} dripping headers": (slow, "headers"),
        f"{slow} dripping bodies": (slow, "bodies"),
        f"{stalled} streams not read": (stalled, "streams"),
    }
    for name, (count, kind) in crowds.items():
        ended: list[int] = []
        with beside(port, count, kind, ended):
            await asyncio.sleep(CROWDED_SECONDS)
            figures = await good(url, pid, seconds)
        print(figures.line(name, *ended), flush=True)
        await asyncio.sleep(3)
    print((await good(url, pid, seconds)).line("nobody again", 0), flush=True)


def main() -> None:
    """Start everything, measure, end everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slow", type=int, default=2000)
    parser.add_argument("--stalled", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as directory:
        far = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.siege.provider"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert far.stdout is not None
        path = Path(directory) / "config.yaml"
        times = {"header": HEADER_SECONDS, "body": BODY_SECONDS, "stall": STALL_SECONDS}
        path.write_text(CONFIG.format(port=int(far.stdout.readline()), key=KEY, **times))
        with (Path(directory) / "log").open("wb") as log:
            gateway = subprocess.Popen(
                [sys.executable, "-m", "gateway", "serve", "--config", str(path)], stdout=subprocess.PIPE, stderr=log
            )
        url = None
        try:
            url = _url(gateway)
            asyncio.run(measure(url, gateway.pid, options.slow, options.stalled, options.seconds))
        finally:
            for process in (gateway, far):
                process.terminate()
                process.wait(40)
            if url is None:
                print((Path(directory) / "log").read_text())
            events = [line for line in (Path(directory) / "log").read_text().splitlines() if "turned_away" in line]
            print(f"the gateway's log: {len(events)} lines of what it turned away")


def _url(gateway: "subprocess.Popen[bytes]") -> str:
    """Give the address from the start screen."""
    assert gateway.stdout is not None
    for line in gateway.stdout:
        for word in line.decode().split():
            if word.startswith("http://127.0.0.1:"):
                return word.removesuffix("/v1").rstrip("/")
    raise AssertionError("the gateway did not start")


if __name__ == "__main__":
    main()
