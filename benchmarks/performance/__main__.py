"""The command: starts everything, measures in turns, prints the table."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import uvloop

from benchmarks.performance.load import Kind, measured
from benchmarks.performance.report import Row, row_of, table, write
from benchmarks.performance.servers import Server, running

KINDS = (
    *(Kind(at_once, stream=False) for at_once in (1, 32, 128)),
    *(Kind(at_once, stream=True) for at_once in (1, 32)),
    Kind(32, stream=True, paced=True),
)
WARM_UP_CALLS = 300


async def compare(servers: Sequence[Server], calls: int, rounds: int) -> tuple[list[Row], dict[str, float]]:
    """Measure each kind of load on each server, in turns."""
    for server in servers:
        await measured(server, Kind(32, stream=False), WARM_UP_CALLS)
    rows = []
    for kind in KINDS:
        count = calls // (25 if kind.paced else 10 if kind.stream else 1)
        found = []
        for turn in range(rounds):
            print(f"\r{kind.name}: round {turn + 1} of {rounds} ", end="", file=sys.stderr, flush=True)
            found.append({server.name: await measured(server, kind, count) for server in servers})
        rows.append(row_of(kind, found))
    print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    return rows, {server.name: server.rss_mib() for server in servers}


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.performance", description="CPU per call, in turns.")
    parser.add_argument("--quick", action="store_true", help="a tenth of the calls: to see that it works")
    parser.add_argument("--workers", type=int, default=1, help="the gateway's workers")
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help="put the result into docs/performance.md")
    chosen = parser.parse_args()
    calls = chosen.calls // 10 if chosen.quick else chosen.calls
    with tempfile.TemporaryDirectory() as directory, running(Path(directory), chosen.workers) as servers:
        rows, memory = uvloop.run(compare(servers, calls, 2 if chosen.quick else chosen.rounds))
    text = table(rows, memory)
    print(text)
    if chosen.write:
        write(text, rows)


if __name__ == "__main__":
    main()
