"""The command; exit status 1 when a promise did not hold."""

import argparse
import asyncio
import sys

from benchmarks.faults.report import table, write
from benchmarks.faults.run import run


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description="kill -9 under load.")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--callers", type=int, default=12)
    parser.add_argument("--reloads", type=int, default=6)
    parser.add_argument("--restarts", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the result into docs/reliability.md")
    chosen = vars(parser.parse_args())
    is_written = chosen.pop("write")
    found = asyncio.run(run(**chosen))
    text = table(found)
    print(text)
    if is_written:
        write(text)
    if broken := list(found.broken()):
        sys.exit("\n".join(broken))


if __name__ == "__main__":
    main()
