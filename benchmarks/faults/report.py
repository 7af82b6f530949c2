"""From what was found to what people read: what failed, the table, and the marked part of docs/reliability.md."""

import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import marked
from benchmarks.faults.books import Books, Entry
from benchmarks.faults.changes import PROBES, Change
from benchmarks.faults.fault import Blow

COMMAND = "python -m benchmarks.faults"
DOCUMENT = Path("docs/reliability.md")
KINDS = ("worker", "store", "store and worker", "fork server", "supervisor", "everything")


@dataclass(frozen=True)
class Findings:
    """Everything that a run found; `orphans` are processes that were there after the last gateway had ended."""

    seed: int
    workers: int
    callers: int
    seconds: float
    kills: Sequence[Blow]
    changes: Sequence[Change]
    books: Books
    orphans: int
    exit_status: int

    def broken(self) -> Iterator[str]:
        """Say which promises did not hold."""
        numbers = {
            **verdicts(self.books),
            "processes left": self.orphans + sum(kill.left_behind for kill in self.kills),
            "calls that a change made fail": sum(len(change.failed) for change in self.changes),
            "calls not under the changed limit, or workers not replaced": sum(change.wrong for change in self.changes),
            "exit status": self.exit_status,
        }
        yield from (f"{what}: {number}" for what, number in numbers.items() if number)
        yield from entries_of(self.books)

    @property
    def unexplained(self) -> list[Entry]:
        """Give the calls that failed although nothing was killed, as where a machine stalls for a second."""
        return [one for one in self.books.entries if not one.was_disturbed and not one.made.is_well]


def verdicts(books: Books) -> dict[str, int]:
    """Give every number of the books that must be nothing."""
    return {
        "calls charged below the truth": len(books.lost),
        "calls charged twice or beyond the tolerance": len(books.doubled),
        "roll-ups that differ from the budgets": books.differing,
        "tokens still held": books.held_tokens,
        "leases left": books.leases,
    }


def entries_of(books: Books) -> Iterator[str]:
    """Give the first calls that were lost or doubled, a line each."""
    yield from (f"  {describe(entry)}" for entry in (*books.lost, *books.doubled)[:20])


def describe(entry: Entry) -> str:
    """Give a call in one line."""
    made, truth, charge = entry.made, entry.truth, entry.charge
    return (
        f"call {made.number} ({made.plan.kind}, {made.plan.model}): status {made.status} {made.problem!r}, "
        f"served {truth.prompt_tokens} + {truth.completion_tokens} in {truth.requests}, charged {charge.used} "
        f"in {charge.counts.requests}, disturbed: {entry.was_disturbed}"
    )


def table(found: Findings) -> str:
    """Give the tables in Markdown."""
    command = f"python -m benchmarks.faults --kills {len(found.kills)} --seed {found.seed}"
    books, entries = found.books, found.books.entries
    disturbed = [one for one in entries if one.was_disturbed]
    reached = [one for one in entries if one.truth.requests]
    answered = sum(one.made.status == 200 for one in entries)
    unread = [one.unread for one in entries]
    lines = [
        f"`{command}`: {found.workers} workers, {found.callers} callers, {found.seconds:.0f} s.",
        "",
        "| what | figure |",
        "|---|---:|",
        *_row("kills", len(found.kills)),
        *_row("calls made", len(entries)),
        *_row("of them answered with 200", answered),
        *_row("of them at the far end", len(reached)),
        *_row("of them under way at a kill, or before all was back", len(disturbed)),
        *_row("**calls charged below the truth (lost)**", len(books.lost)),
        *_row("**calls charged twice or beyond the tolerance (doubled)**", len(books.doubled)),
        *_row("**calls whose roll-up differs from their budget**", books.differing),
        *_row("**tokens held, leases open in the end**", books.held_tokens + books.leases),
        *_row("**processes left**", found.orphans + sum(kill.left_behind for kill in found.kills)),
        *_row("streams that the gateway closed: tokens written meanwhile", sum(unread)),
        *_row("the most of them in one stream", max(unread, default=0)),
        *_row("calls that failed while nothing was killed", len(found.unexplained)),
        *_row("tokens served by the far end", books.true_tokens),
        *_row("tokens charged", books.charged_tokens),
        *_row("excess: calls under way at a kill", sum(one.excess for one in disturbed)),
        *_row("excess: answers cut or left, of which nobody said what they took", _excess(entries, was_heard=False)),
        *_row("excess: all others", _excess(entries, was_heard=True)),
    ]
    return "\n".join([*lines, "", *_kill_table(found.kills), "", *_change_table(found.changes)]) + "\n"


def _row(what: str, number: int) -> Iterator[str]:
    yield f"| {what} | {number:,} |"


def _excess(entries: Sequence[Entry], *, was_heard: bool) -> int:
    return sum(one.excess for one in entries if not one.was_disturbed and one.was_heard is was_heard)


def _kill_table(kills: Sequence[Blow]) -> Iterator[str]:
    yield "| killed (`kill -9`) | times | calls under way | a new call answered, s: median, worst | all back, s |"
    yield "|---|---:|---:|---:|---:|"
    counts = Counter(kill.kind for kill in kills)
    for kind in KINDS:
        if counts[kind]:
            own = [kill for kill in kills if kill.kind == kind]
            answered = _spread(own, lambda kill: kill.answered_at - kill.at)
            whole = _spread(own, lambda kill: kill.whole_at - kill.at)
            yield f"| {kind} | {len(own)} | {sum(kill.in_flight for kill in own)} | {answered} | {whole} |"


def _spread(kills: Sequence[Blow], seconds: Callable[[Blow], float]) -> str:
    numbers = [seconds(kill) for kill in kills]
    return f"{statistics.median(numbers):.2f}, {max(numbers):.2f}"


def _change_table(changes: Sequence[Change]) -> Iterator[str]:
    yield f"| change under load | times | calls meanwhile | failed | not as changed, of {PROBES} | s: median, worst |"
    yield "|---|---:|---:|---:|---:|---:|"
    for kind in dict.fromkeys(change.kind for change in changes):
        own = [change for change in changes if change.kind == kind]
        seconds = [change.seconds for change in own]
        numbers = (sum(one.calls for one in own), sum(len(one.failed) for one in own), sum(one.wrong for one in own))
        shown = " | ".join(f"{number:,}" for number in numbers)
        yield f"| {kind} | {len(own)} | {shown} | {statistics.median(seconds):.2f}, {max(seconds):.2f} |"


def write(text: str) -> None:
    """Put the tables between their marks."""
    marked.write(DOCUMENT, COMMAND, text)
