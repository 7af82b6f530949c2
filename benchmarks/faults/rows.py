"""The table of single faults: a row each, and its place in docs/reliability.md, where rows of other runs stay."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks import marked
from benchmarks.faults.books import Entry
from benchmarks.faults.report import DOCUMENT
from benchmarks.faults.single import Outcome

COMMAND = "python -m benchmarks.faults --fault all"
BEGIN, END = marked.begin(COMMAND), marked.END
COLUMNS = (
    "`python -m benchmarks.faults --fault`",
    "what is done",
    "blows",
    "hits",
    "calls",
    "at the far end",
    "under way at a blow",
    "lost",
    "doubled",
    "differing",
    "held + leases",
    "processes left",
    "tokens served",
    "charged",
    "excess: disturbed",
    "excess: untold",
    "excess: all others",
    "seconds",
)


def row(found: Outcome) -> str:
    """Give one run as a row of Markdown; its first cell makes it again, and begins with the fault's name."""
    books, entries = found.books, found.books.entries
    disturbed = [one for one in entries if one.was_disturbed and not one.was_heard]
    untold = [one for one in entries if not one.was_disturbed and not one.was_heard]
    others = [one for one in entries if one.was_heard]
    numbers = (
        len(found.blows),
        found.hits,
        len(entries),
        sum(1 for one in entries if one.truth.requests),
        sum(1 for one in entries if one.was_disturbed),
        len(books.lost),
        len(books.doubled),
        books.differing,
        books.held_tokens + books.leases,
        found.left,
        books.true_tokens,
        books.charged_tokens,
        *(_excess(some) for some in (disturbed, untold, others)),
        round(found.seconds),
    )
    again = f"`{found.size.options(found.fault.name)}`"
    return f"| {' | '.join([again, found.fault.title, *(f'{number:,}' for number in numbers)])} |"


def _excess(entries: Iterable[Entry]) -> int:
    """Give what was charged above the truth; what was charged below it does not make up for that."""
    return sum(max(0, one.excess) for one in entries)


def table(rows: Iterable[str]) -> str:
    """Give rows with their head."""
    rule = "|---|---|" + "---:|" * (len(COLUMNS) - 2)
    return "\n".join([f"| {' | '.join(COLUMNS)} |", rule, *rows]) + "\n"


def write(rows: Iterable[str], names: Iterable[str], document: Path = DOCUMENT) -> None:
    """Put rows between their marks, in the order of `names`, beside those that other runs left there."""
    present = marked.read(document, COMMAND).splitlines()
    known = {_name(line): line for line in (*present, *rows) if line.startswith("| `")}
    marked.write(document, COMMAND, table(_ordered(known, names)))


def _ordered(known: dict[str, str], names: Iterable[str]) -> Iterator[str]:
    for name in names:
        if name in known:
            yield known[name]


def _name(line: str) -> str:
    """Give the first word of a row's first cell."""
    return line.removeprefix("| `").partition("`")[0].split()[0]
