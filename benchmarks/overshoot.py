"""What concurrency adds to a budget: this ledger beside a naive check-then-add, the same race in one run.

    python -m benchmarks.overshoot                              the ledger alone, some seconds, on a Valkey of its own
    python -m benchmarks.overshoot --workers 4 --callers 1000   the real gateway before a far end that keeps the truth
    python -m benchmarks.overshoot --workers 4 --store cluster  the same on a server of its own, or on a cluster
    python -m benchmarks.overshoot --all [--write]              both, with 1 and 4 workers, 64 to 1,000 callers

Exit status 1 when a limit was passed, or less than 99 % of one was usable. Run it from the top of the checkout.
"""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from gateway.budget import Ask, Lease, Ledger, Order, Verdict, script
from gateway.errors import StoreUnavailable
from gateway.model import Budget, Enforcement, Rolling, Rollup, Scope, Unit
from gateway.store.connection import Store
from gateway.store.embedded import embedded

LIMIT_TOKENS = 30_000
CALLERS = (1, 16, 64, 256)
LARGEST_CALL_TOKENS = 400
LONGEST_CALL_SECONDS = 0.02

COMPANY = "11111111-1111-4111-8111-111111111111"
Attempt = Callable[[str, int, float], Awaitable[Verdict]]
"""(call id, tokens, seconds that the call lasts) -> ROOM: it was made; BUSY: come back; SPENT: there is no room."""


@dataclass(frozen=True)
class Row:
    """Both races at one number of callers: tokens used, and those above the limit."""

    callers: int
    limit: int
    ours: int
    naive: int

    @property
    def our_overshoot(self) -> int:
        """Give what the ledger let through above the limit."""
        return max(0, self.ours - self.limit)

    @property
    def naive_overshoot(self) -> int:
        """Give what check-then-add let through above the limit."""
        return max(0, self.naive - self.limit)

    def __str__(self) -> str:
        numbers = (self.callers, self.limit, self.ours, self.our_overshoot, self.naive, self.naive_overshoot)
        return "".join(f"{number:12,}" for number in numbers)


HEADER = "".join(f"{name:>12}" for name in ("callers", "limit", "ours", "over", "naive", "over"))


def ours(store: Store, budget: Budget) -> Attempt:
    """Reserve, call, settle."""
    ledger = Ledger(store, script.load(), lease_seconds=60)

    async def attempt(call: str, tokens: int, seconds: float) -> Verdict:
        outcome = await ledger.reserve(Order(f"{budget.id}-{call}", COMPANY, (Ask(budget, tokens, 0),), 0, 0))
        if not isinstance(outcome, Lease):
            return outcome.verdicts[0][0]
        await asyncio.sleep(seconds)
        await ledger.settle(outcome, [tokens], Rollup())
        return Verdict.ROOM

    return attempt


def naive(store: Store, key: str, limit: int) -> Attempt:
    """Read, compare, call, add: what a counter without reservations does."""

    async def attempt(_call: str, tokens: int, seconds: float) -> Verdict:
        try:
            if int(await store.execute("GET", key) or 0) + tokens > limit:
                return Verdict.SPENT
            await asyncio.sleep(seconds)
            await store.execute("INCRBY", key, tokens)
        except StoreUnavailable:  # on a machine that stalls for a second; it is only the contrast
            return Verdict.BUSY
        return Verdict.ROOM

    return attempt


async def race(callers: int, attempt: Attempt) -> None:
    """Let callers make calls of random sizes, ever smaller ones once refused, until not one token is left."""

    async def caller(number: int) -> None:
        dice, calls, most = Random(number), 0, LARGEST_CALL_TOKENS
        while most > 0:
            calls += 1
            tokens = dice.randint(1, most)
            verdict = await attempt(f"{number}-{calls}", tokens, dice.random() * LONGEST_CALL_SECONDS)
            if verdict is Verdict.BUSY:
                await asyncio.sleep(LONGEST_CALL_SECONDS / 4)
            elif verdict is not Verdict.ROOM:
                most = tokens // 2

    await asyncio.gather(*map(caller, range(callers)))


async def measure(store: Store, callers: int, limit: int = LIMIT_TOKENS) -> Row:
    """Run both races on an otherwise unused store."""
    name = f"race-{callers}"
    budget = Budget(name, name, Scope.COMPANY, name, Unit.TOKENS, Rolling(30), limit, Enforcement.HARD)
    await race(callers, ours(store, budget))
    await race(callers, naive(store, name, limit))
    (level,) = await Ledger(store, script.load(), lease_seconds=60).read(COMPANY, [budget])
    return Row(callers, limit, level.used + level.held, int(await store.execute("GET", name)))


async def main() -> None:
    """Print one line per number of callers."""
    with TemporaryDirectory() as directory:
        async with embedded(Path(directory)) as server:
            store = Store.connect(server.url)
            sys.stdout.write(f"{HEADER}\n")
            for callers in CALLERS:
                sys.stdout.write(f"{await measure(store, callers)}\n")
            await store.close()


async def through_the_gateway(chosen: argparse.Namespace) -> list[str]:
    """Print the same for the real gateway: what its far end served above the limits; gives what did not hold."""
    from benchmarks.faults import matrix  # noqa: PLC0415 - it needs the tests' far end
    from benchmarks.faults.topology import StoreKind  # noqa: PLC0415

    if chosen.all:
        races = await matrix.run()
        text = matrix.table(races)
        if chosen.write:
            matrix.write(text)
    else:
        races = [await matrix.race_of(StoreKind(chosen.store), chosen.workers or 1, chosen.callers)]
        text = f"{races[0]}\n"
    sys.stdout.write(text)
    return list(matrix.broken(races))


def read_command_line() -> argparse.Namespace:
    """Give what is wanted; without arguments, the ledger alone."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.overshoot", description="What concurrency adds.")
    parser.add_argument("--workers", type=int, help="race through `gateway serve` with so many workers")
    parser.add_argument("--callers", type=int, default=1000)
    parser.add_argument("--store", choices=("embedded", "standalone", "cluster"), default="embedded")
    parser.add_argument("--all", action="store_true", help="race on each store with few and many workers and callers")
    parser.add_argument("--write", action="store_true", help="with --all: put the table into docs/reliability.md")
    return parser.parse_args()


if __name__ == "__main__":
    wanted = read_command_line()
    if wanted.all or wanted.workers or wanted.store != "embedded":
        if broken := asyncio.run(through_the_gateway(wanted)):
            sys.exit("\n".join(broken))
    else:
        asyncio.run(main())
