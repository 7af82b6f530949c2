"""One fault alone, again and again under load until so many calls were made; then the books."""

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from benchmarks.faults.books import Books, read
from benchmarks.faults.calls import MIX, Load
from benchmarks.faults.ends import Ends
from benchmarks.faults.fault import Blow, Fault
from benchmarks.faults.report import entries_of, verdicts
from benchmarks.faults.site import Site

QUIET_SECONDS = (0.5, 2.5)
MOST_SECONDS = 900.0
"""A run makes fewer calls rather than last longer, and says so."""


WORKERS, CALLERS = 2, 32


@dataclass(frozen=True, slots=True)
class Size:
    """How a run is drawn and how large it is; `calls` is how many are taken at least."""

    seed: int
    calls: int
    workers: int = WORKERS
    callers: int = CALLERS

    def options(self, name: str) -> str:
        """Give what comes after `--fault` to make exactly this run of one."""
        usual = {"workers": WORKERS, "callers": CALLERS}
        words = [f"--{word} {getattr(self, word)}" for word, number in usual.items() if getattr(self, word) != number]
        return " ".join([f"{name} --seed {self.seed} --calls {self.calls}", *words])

    def command(self, name: str) -> str:
        """Give the whole of it."""
        return f"python -m benchmarks.faults --fault {self.options(name)}"


@dataclass(frozen=True)
class Outcome:
    """What one fault came to; `orphans` are processes that were there after the last gateway had ended."""

    fault: Fault | Ends
    size: Size
    seconds: float
    blows: Sequence[Blow]
    books: Books
    orphans: int
    exit_status: int

    @property
    def hits(self) -> int:
        """How often it did what it does; of calls that are broken off, how many."""
        if isinstance(self.fault, Ends):
            return sum(one.made.plan.is_cut for one in self.books.entries)
        return sum(blow.hits for blow in self.blows)

    @property
    def left(self) -> int:
        """How many processes were left."""
        return self.orphans + sum(blow.left_behind for blow in self.blows)

    def broken(self) -> Iterator[str]:
        """Say which promises did not hold, each call, and how to see it again."""
        numbers = {
            "calls fewer than wanted": max(0, self.size.calls - sum(one.made.has_come for one in self.books.entries)),
            **verdicts(self.books),
            "processes left": self.left,
            "exit status": self.exit_status,
        }
        found = [f"{self.fault.name}: {what}: {number}" for what, number in numbers.items() if number]
        if not self.hits:
            found.append(f"{self.fault.name}: nothing was hit")
        if found:
            yield from [*found, *entries_of(self.books), f"  again: {self.size.command(self.fault.name)}"]


async def run_alone(fault: Fault | Ends, size: Size) -> Outcome:
    """Do it on a gateway of its own; nothing of it is left afterwards. TimeoutError: service did not come back."""
    with fault.opened(size.workers) as site:
        began, dice = time.monotonic(), Random(size.seed)
        mix = fault.mix if isinstance(fault, Ends) else MIX
        load = Load(lambda: site.url, dice.randrange(1 << 32), mix)
        async with load.running(size.callers):
            blows = await _striking(fault, site, load, dice, size.calls)
        books = await read(site, load.made, blows)
        exit_status = await asyncio.to_thread(site.gateway.stop)
        seconds = time.monotonic() - began
        return Outcome(fault, size, seconds, blows, books, len(site.running()), exit_status)


async def _striking(fault: Fault | Ends, site: Site, load: Load, dice: Random, calls: int) -> list[Blow]:
    blows: list[Blow] = []
    deadline = time.monotonic() + MOST_SECONDS
    while load.taken < calls and time.monotonic() < deadline:
        await asyncio.sleep(dice.uniform(*QUIET_SECONDS))
        if isinstance(fault, Ends):
            _tell(f"{fault.name}: {load.taken:,} of {calls:,} calls")
            continue
        blows.append(await fault.strike(site, load, dice))
        took = blows[-1].answered_at - blows[-1].at
        hits = f"{blows[-1].hits:,} hits, answered after {took:.2f} s"
        _tell(f"{fault.name}: blow {len(blows)}, {hits}; {load.taken:,} of {calls:,} calls")
    return blows


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
