"""All races one after the other: stores, workers and callers; one table of them, and its place in the documents."""

import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

from benchmarks import marked
from benchmarks.faults import race
from benchmarks.faults.race import Race, Row
from benchmarks.faults.rivals import COMPANY_BUDGET, USER_BUDGET
from benchmarks.faults.topology import StoreKind

STORES = (StoreKind.STANDALONE, StoreKind.CLUSTER)
WORKERS = (1, 4)
CALLERS = (64, 256, 1000)
COMPANIES = 6
COMPANY_TOKENS, USER_TOKENS = 30_000, 6_000
"""Each company's limit, and that of its one user who has a budget."""

COMMAND = "python -m benchmarks.overshoot --all"
DOCUMENT = Path("docs/reliability.md")
_COLUMNS = (
    "store",
    "workers",
    "callers",
    "calls served",
    "told to come back",
    "failed",
    "**over: companies**",
    "**over: users**",
    "least usable",
    "naive: over, companies",
    "naive: over, users",
)


async def run() -> Sequence[Race]:
    """Do them all; says on standard error how far it is."""
    cells, done = list(product(STORES, WORKERS, CALLERS)), []
    for number, (store, workers, callers) in enumerate(cells):
        found = await race_of(store, workers, callers)
        done.append(found)
        print(f"race {number + 1} of {len(cells)}\n{found}\n", file=sys.stderr, flush=True)
    return done


async def race_of(store: StoreKind, workers: int, callers: int) -> Race:
    """Race once: an embedded store on one company, as it always was, others on several at once."""
    if store is StoreKind.EMBEDDED:
        return await race.run(workers=workers, callers=callers)
    return await race.run(
        workers=workers,
        callers=callers,
        store=store,
        companies=COMPANIES,
        company_tokens=COMPANY_TOKENS,
        user_tokens=USER_TOKENS,
    )


def table(races: Sequence[Race]) -> str:
    """Give one row per race, in Markdown; what is over is summed over its budgets."""
    head = ["| " + " | ".join(_COLUMNS) + " |", "|---|" + "---:|" * (len(_COLUMNS) - 1)]
    return "\n".join([*head, *map(_row, races)]) + "\n"


def _row(one: Race) -> str:
    rows = [[row for row in one.rows if row.budget == budget] for budget in (COMPANY_BUDGET, USER_BUDGET)]
    numbers = [
        one.workers,
        one.callers,
        one.answers["served"],
        one.answers["busy"],
        one.failed,
        *(sum(row.overshoot for row in own) for own in rows),
    ]
    naive = [f"{sum(row.naive_overshoot for row in own):,} ({_part(own):.0%})" for own in rows]
    usable = f"{min(row.usable for row in one.rows):.1%}"
    cells = [one.store, *(f"{number:,}" for number in numbers), usable, *naive]
    return "| " + " | ".join(cells) + " |"


def _part(rows: Sequence[Row]) -> float:
    return sum(row.naive_overshoot for row in rows) / sum(row.limit for row in rows)


def broken(races: Sequence[Race]) -> Iterator[str]:
    """Say which budgets were passed, wrongly charged, or could not be used."""
    for one in races:
        yield from (f"{one.title}: {row}" for row in one.rows if not row.is_held_to)


def write(text: str) -> None:
    """Put the table between its marks."""
    marked.write(DOCUMENT, COMMAND, text)
