"""What slices save: the calls of one hot company, with its budget in slices and without, in one run.

    python -m benchmarks.slices                     about a minute, on a Valkey of its own
    python -m benchmarks.slices --limit 20000000 --write

Each worker is a process with its own ledger and journal. A call has the company's budget, its user's three quotas,
which limit nothing, and roll-ups. First every worker makes so many calls on a budget without end; then all spend a
budget to its last token. The two kinds take turns, and medians are shown. Run it from the top of the checkout.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory

from benchmarks import marked
from gateway.budget import Ask, Lease, Ledger, Order, Verdict, script
from gateway.budget.keys import company_subject, installation_subject, user_subject
from gateway.budget.lease import NO_ROLLUP
from gateway.budget.sliced import SlicedLedger
from gateway.journal import Journal
from gateway.model import UNLIMITED, Budget, Calendar, Enforcement, Increment, Period, Rolling, Rollup, Scope, Unit
from gateway.store.connection import Store
from gateway.store.embedded import embedded
from gateway.store.shards import prefix

COMPANIES = ("11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222")
LARGEST_CALL_TOKENS = 400
LONGEST_CALL_SECONDS = 0.004

DOCUMENT = Path("docs/budgets.md")
COMMAND = "python -m benchmarks.slices"


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
    others: tuple[Budget, ...] = ()
    charge: Rollup = NO_ROLLUP
    spent: int = 0
    calls: int = 0
    spent_at_first_refusal: int = 0

    @property
    def companies(self) -> tuple[str, ...]:
        """Give who calls."""
        return COMPANIES if self.budget.scope.spans_companies else COMPANIES[:1]

    async def caller(self, ledger: Ledger, number: int, most_calls: int) -> None:
        """Make calls of random sizes, ever smaller ones once the budget is spent, until not one token is left."""
        dice, most, calls = Random(number), LARGEST_CALL_TOKENS, 0
        while most > 0 and calls < most_calls:
            calls += 1
            tokens = dice.randint(1, most)
            company = dice.choice(self.companies)
            asks = (Ask(self.budget, tokens, 0), *(Ask(one, tokens, 0) for one in self.others))
            outcome = await ledger.reserve(Order(f"{id(self)}-{number}-{calls}", company, asks, 0, 0, plan=self.charge))
            if isinstance(outcome, Lease):
                ledger.forwarding(outcome)
                await asyncio.sleep(dice.random() * LONGEST_CALL_SECONDS)
                self.calls += 1
                self.spent += tokens
                await ledger.settle(outcome, [tokens] * len(asks), self.charge)
                continue
            self.spent_at_first_refusal = self.spent_at_first_refusal or self.spent
            if outcome.verdicts[0][0] is Verdict.BUSY:
                await asyncio.sleep(LONGEST_CALL_SECONDS)
            else:
                most = tokens // 2


async def race(url: str, running: Race, *, gateways: int, callers: int, most_calls: int = 1 << 40) -> float:
    """Let `callers` at each of the gateways call until the budget is spent; gives the seconds that it took."""
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(TemporaryDirectory()))
        made = [await stack.enter_async_context(_ledger(url, directory / str(at))) for at in range(gateways)]
        began = time.perf_counter()
        await asyncio.gather(
            *(running.caller(one, 1000 * at + n, most_calls) for at, one in enumerate(made) for n in range(callers))
        )
        return time.perf_counter() - began


@asynccontextmanager
async def _ledger(url: str, directory: Path) -> AsyncIterator[SlicedLedger]:
    store, journal = Store.connect(url), Journal(directory, "benchmark")
    ledger = SlicedLedger(store, script.load(), lease_seconds=60, kept=journal)
    yield ledger
    await ledger.drain(30)
    await journal.close()
    await store.close()


async def commands_of(store: Store) -> int:
    """Give the scripts that a store has run."""
    return (await _scripts(store))[0]


async def _scripts(store: Store) -> tuple[int, int]:
    """Give the scripts that a store has run, and the microseconds that they took."""
    stats = (await store.execute("INFO", "commandstats")).get("cmdstat_evalsha", {"calls": 0, "usec": 0})
    return int(stats["calls"]), int(stats["usec"])


# ---------------------------------------------------------------- one hot company


@dataclass(frozen=True)
class Job:
    """What one worker does, from an instant (Unix time) on: `most_calls` by each caller, or all that the limit lets."""

    url: str
    directory: str
    number: int
    begins_at: float
    is_sliced: bool
    limit: int
    callers: int
    most_calls: int


@dataclass(frozen=True)
class Done:
    """What a worker did: its calls, the tokens they took, those when one was first refused, and when it ended."""

    calls: int
    spent: int
    spent_at_first_refusal: int
    ended_at: float


@dataclass(frozen=True)
class Run:
    """One race of all workers; `store_calls` are the scripts that the store ran meanwhile, in `store_micros`."""

    calls: int
    seconds: float
    store_calls: int
    store_micros: int
    spent: int
    usable: int


def company_budget(limit: int, *, is_sliced: bool) -> Budget:
    """Give the hot company's own budget."""
    subject = company_subject(COMPANIES[0])
    window, hard = Rolling(30), Enforcement.HARD
    return Budget("company", "company", Scope.COMPANY, subject, Unit.TOKENS, window, limit, hard, sliced=is_sliced)


def quotas() -> tuple[Budget, ...]:
    """Give a user's quotas, as every user has them whom nothing limits."""
    subject, tokens, hard = user_subject(COMPANIES[0], "ada"), Unit.TOKENS, Enforcement.HARD
    return tuple(Budget(each, each, Scope.USER, subject, tokens, Calendar(each), UNLIMITED, hard) for each in Period)


def charge() -> Rollup:
    """Give what a call adds to the roll-ups: as many fields as a real one."""
    shard = prefix(COMPANIES[0])
    fields = ("requests", "completions", "input", "output", "weighted", "cache_read")
    increments = [Increment(f"{shard}u:usage", f"{name}:provider|chat|key|model", 7) for name in fields]
    return Rollup((*increments, Increment(f"{shard}c:credits", "chat", 7)), ((f"{shard}i:day", "ada"),), 86_400)


def work(job: Job) -> Done:
    """Be one worker."""
    return asyncio.run(_worked(job))


async def _worked(job: Job) -> Done:
    async with _ledger(job.url, Path(job.directory)) as ledger:
        await ledger.read(COMPANIES[0], ())
        running = Race(company_budget(job.limit, is_sliced=job.is_sliced), quotas(), charge())
        await asyncio.sleep(max(0.0, job.begins_at - time.time()))
        callers = [running.caller(ledger, 1000 * job.number + n, job.most_calls) for n in range(job.callers)]
        await asyncio.gather(*callers)
        ended_at = time.time()
    return Done(running.calls, running.spent, running.spent_at_first_refusal or running.spent, ended_at)


async def run(store: Store, job: Job, workers: int) -> Run:
    """Let so many workers race on an empty store; everything is settled afterwards."""
    await store.execute("FLUSHALL")
    await store.execute("CONFIG", "RESETSTAT")
    job = replace(job, begins_at=time.time() + 1.5 + workers)
    jobs = [replace(job, number=number) for number in range(workers)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        loop = asyncio.get_running_loop()
        done = await asyncio.gather(*(loop.run_in_executor(pool, partial(work, one)) for one in jobs))
    seconds = max(one.ended_at for one in done) - job.begins_at
    spent, usable = sum(one.spent for one in done), sum(one.spent_at_first_refusal for one in done)
    budget = company_budget(job.limit, is_sliced=False)
    (level,) = await Ledger(store, script.load(), lease_seconds=60).read(COMPANIES[0], [budget])
    if (level.used, level.held) != (spent, 0):
        raise RuntimeError(f"{spent} were spent, and the store has {level.used} used and {level.held} held")
    return Run(sum(one.calls for one in done), seconds, *await _scripts(store), spent, usable)


HEADER = (
    "workers", "slices", "calls/s", "ratio", "store calls a call", "saved", "store us a call",
    "used when first refused", "unused", "over",
)  # fmt: skip


async def rows(store: Store, job: Job, workers: int, rounds: int) -> Sequence[tuple[str, ...]]:
    """Give a line without slices and one with them."""
    hot: dict[bool, list[Run]] = {False: [], True: []}
    for _ in range(rounds):
        for is_sliced, runs in hot.items():
            runs.append(await run(store, replace(job, is_sliced=is_sliced, limit=10**12), workers))
    pace = {kind: median(one.calls / one.seconds for one in runs) for kind, runs in hot.items()}
    micros = {kind: median(one.store_micros / one.calls for one in runs) for kind, runs in hot.items()}
    asked = {kind: median(one.store_calls / one.calls for one in runs) for kind, runs in hot.items()}
    found = []
    for is_sliced in (False, True):
        end = await run(store, replace(job, is_sliced=is_sliced, most_calls=1 << 40), workers)
        left, ratio = job.limit - end.spent, pace[is_sliced] / pace[False]
        found.append((
            str(workers), "yes" if is_sliced else "no", f"{pace[is_sliced]:,.0f}", f"{ratio:.2f}",
            f"{asked[is_sliced]:.4f}", f"{1 - asked[is_sliced] / asked[False]:.1%}", f"{micros[is_sliced]:.0f}",
            f"{end.usable / job.limit:.2%}",
            f"{max(0, left) / job.limit:.4%}", f"{max(0, -left):,}",
        ))  # fmt: skip
    return found


async def main(chosen: argparse.Namespace) -> None:
    """Print the table, and write it into the document if asked to."""
    lines = [f"| {' | '.join(HEADER)} |", "|" + "---:|" * len(HEADER)]
    with TemporaryDirectory() as directory:
        journals = Path(directory) / "journals"
        journals.mkdir()
        async with embedded(Path(directory) / "store") as server:
            store = Store.connect(server.url)
            job = Job(server.url, str(journals), 0, 0.0, False, chosen.limit, chosen.callers, chosen.calls)
            for workers in chosen.workers:
                lines += [f"| {' | '.join(row)} |" for row in await rows(store, job, workers, chosen.rounds)]
            await store.close()
    table = "\n".join(lines) + "\n"
    sys.stdout.write(table)
    if chosen.write:
        write(table)


def write(table: str) -> None:
    """Put the table between its two marks."""
    marked.write(DOCUMENT, COMMAND, table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.slices", description="What slices save.")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--callers", type=int, default=32, help="at each worker")
    parser.add_argument("--calls", type=int, default=300, help="of each caller")
    parser.add_argument("--limit", type=int, default=2_000_000, help="of the budget that is spent to its end")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the table into docs/budgets.md")
    asyncio.run(main(parser.parse_args()))
