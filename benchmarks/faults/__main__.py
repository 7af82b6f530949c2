"""The command; exit status 1 when a promise did not hold."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from benchmarks.faults import report, rows
from benchmarks.faults.registry import FAULTS
from benchmarks.faults.run import run
from benchmarks.faults.single import CALLERS, WORKERS, Size, run_alone

MIXED_CALLERS, CALLS, KILLS = 12, 2000, 50


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.faults", description="Faults under load.")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--kills", type=int, default=KILLS, help="kill -9 of everything in turn, then changes")
    what.add_argument("--fault", choices=[*FAULTS, "all"], metavar="NAME", help="one fault alone, or `all` in turn")
    what.add_argument("--list", action="store_true", help="name the faults")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--calls", type=int, default=CALLS, help="how many at least, with --fault")
    parser.add_argument("--workers", type=int, default=WORKERS)
    parser.add_argument("--callers", type=int, help=f"{MIXED_CALLERS}, with --fault {CALLERS}")
    parser.add_argument("--reloads", type=int, default=6)
    parser.add_argument("--restarts", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the result into docs/reliability.md")
    chosen = parser.parse_args()
    chosen.callers = chosen.callers or (CALLERS if chosen.fault else MIXED_CALLERS)
    if chosen.list:
        print("\n".join(f"{name:22}{fault.title}" for name, fault in FAULTS.items()))
    elif broken := _alone(chosen) if chosen.fault else _mixed(chosen):
        sys.exit("\n".join(broken))


def _mixed(chosen: argparse.Namespace) -> Sequence[str]:
    names = ("kills", "seed", "workers", "callers", "reloads", "restarts")
    found = asyncio.run(run(**{name: getattr(chosen, name) for name in names}))
    text = report.table(found)
    print(text)
    if chosen.write:
        report.write(text)
    return list(found.broken())


def _alone(chosen: argparse.Namespace) -> Sequence[str]:
    broken: list[str] = []
    lines: list[str] = []
    for name in FAULTS if chosen.fault == "all" else [chosen.fault]:
        size = Size(chosen.seed, chosen.calls, chosen.workers, chosen.callers)
        try:
            found = asyncio.run(run_alone(FAULTS[name], size))
        except (TimeoutError, RuntimeError) as error:
            broken += [f"{name}: {error}", f"  again: {size.command(name)}"]
            continue
        broken += found.broken()
        lines.append(rows.row(found))
        if chosen.write:
            rows.write(lines[-1:], FAULTS)
    print(rows.table(lines))
    return broken


if __name__ == "__main__":
    main()
