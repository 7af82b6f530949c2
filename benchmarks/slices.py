"""What slices save: the same calls on one budget of all companies, with slices and without.

    python -m benchmarks.slices                     some seconds, on a Valkey of its own
    python -m benchmarks.slices --gateways 4 --callers 64 --limit 20000000

Without slices the budget is one company's, as a ledger without them has no budget of all companies. Run it from the top
of the checkout.
"""

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from gateway.budget import Ask, Lease, Ledger, Order, Verdict, script
from gateway.budget.keys import company_subject, installation_subject
from gateway.budget.sliced import SlicedLedger
from gateway.model import Budget, Enforcement, Rolling, Rollup, Scope, Unit
from gateway.store.connection import Store
from gateway.store.embedded import embedded

COMPANIES = ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222")
LARGEST_CALL_TOKENS = 400
LONGEST_CALL_SECONDS = 0.004


def sliced_budget(limit: int, *, is_sliced: bool = True) -> Budget:
    """Give the budget that is raced for: the installation's, or as a measure the first company's."""
    scope = Scope.INSTALLATION if is_sliced else Scope.COMPANY
    subject = installation_subject() if is_sliced else company_subject(COMPANIES[0])
    window, hard = Rolling(30), Enforcement.HARD
    return Budget("race", "race", scope, subject, Unit.TOKENS, window, limit, hard, sliced=is_sliced)


@dataclass
class Race:
    """What really was spent, beside the ledger, and what it was when a call was first refused."""

    budget: Budget
    spent: int = 0
    calls: int = 0
    spent_at_first_refusal: int = 0

    @property
    def companies(self) -> tuple[str, ...]:
        """Give who calls."""
        return COMPANIES if self.budget.sliced else COMPANIES[:1]

    async def caller(self, ledger: Ledger, number: int, most_calls: int) -> None:
        """Make calls of random sizes, ever smaller ones once the budget is spent, until not one token is left."""
        dice, most, calls = Random(number), LARGEST_CALL_TOKENS, 0
        while most > 0 and calls < most_calls:
            calls += 1
            tokens = dice.randint(1, most)
            company = dice.choice(self.companies)
            order = Order(f"{id(self)}-{number}-{calls}", company, (Ask(self.budget, tokens, 0),), 0, 0)
            outcome = await ledger.reserve(order)
            if isinstance(outcome, Lease):
                await asyncio.sleep(dice.random() * LONGEST_CALL_SECONDS)
                self.calls += 1
                self.spent += tokens
                await ledger.settle(outcome, [tokens], Rollup())
                continue
            self.spent_at_first_refusal = self.spent_at_first_refusal or self.spent
            if outcome.verdicts[0][0] is Verdict.BUSY:
                await asyncio.sleep(LONGEST_CALL_SECONDS)
            else:
                most = tokens // 2


async def race(url: str, running: Race, *, gateways: int, callers: int, most_calls: int = 1 << 40) -> float:
    """Let `callers` at each of the gateways call until the budget is spent; gives the seconds that it took."""
    stores = [Store.connect(url) for _ in range(gateways)]
    made = [SlicedLedger(store, script.load(), lease_seconds=60) for store in stores]
    began = time.perf_counter()
    await asyncio.gather(
        *(running.caller(ledger, 1000 * at + n, most_calls) for at, ledger in enumerate(made) for n in range(callers))
    )
    took_seconds = time.perf_counter() - began
    for ledger, store in zip(made, stores, strict=True):
        await ledger.drain(10)
        await store.close()
    return took_seconds


async def commands_of(store: Store) -> int:
    """Give the scripts that a store has run."""
    stats = await store.execute("INFO", "commandstats")
    return int(stats.get("cmdstat_evalsha", {"calls": 0})["calls"])


async def main(gateways: int, callers: int, limit: int) -> None:
    """Print a line without slices and one with them."""
    sys.stdout.write(f"{'slices':>8}{'calls':>10}{'calls/s':>10}{'store calls':>13}{'unused':>9}{'over':>6}\n")
    with TemporaryDirectory() as directory:
        async with embedded(Path(directory)) as server:
            store = Store.connect(server.url)
            for is_sliced in (False, True):
                running = Race(sliced_budget(limit, is_sliced=is_sliced))
                await store.execute("CONFIG", "RESETSTAT")
                seconds = await race(server.url, running, gateways=gateways, callers=callers)
                left = limit - running.spent
                sys.stdout.write(
                    f"{'yes' if is_sliced else 'no':>8}{running.calls:>10,}{running.calls / seconds:>10,.0f}"
                    f"{await commands_of(store):>13,}{max(0, left) / limit:>9.4%}{max(0, -left):>6}\n"
                )
            await store.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slices", description="What slices save.")
    parser.add_argument("--gateways", type=int, default=2)
    parser.add_argument("--callers", type=int, default=32, help="at each gateway")
    parser.add_argument("--limit", type=int, default=4_000_000)
    chosen = parser.parse_args()
    asyncio.run(main(chosen.gateways, chosen.callers, chosen.limit))
