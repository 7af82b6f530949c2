"""From what was found to what people read: tables, and the marked part of docs/reliability.md."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.marked import write as write_marked
from benchmarks.soak.load import Times
from benchmarks.soak.sampling import Sampled, slope

DOCUMENT = Path("docs/reliability.md")
COMMAND = "python -m benchmarks.soak"


@dataclass
class Part:
    """A tenth of the run."""

    until_minutes: float
    times: Times
    errors: Counter[str]
    busy_percent: float


@dataclass
class Found:
    """A whole run: calls a second, parts, processes, and what was left in the store."""

    command: str
    workers: int
    capacity: float
    rate: float
    warm_seconds: float
    parts: list[Part] = field(default_factory=list)
    processes: Sequence[Sampled] = ()
    held: int = 0
    leases: int = 0
    unanswered: int = 0


def tables(found: Found) -> str:
    """Give the tables in Markdown."""
    errors = sum((part.errors for part in found.parts), Counter[str]())
    words = ", ".join(f"{name}: {count:,}" for name, count in errors.most_common()) or "0"
    calls = sum(len(part.times) for part in found.parts)
    share = f"{found.rate:.0f} calls a second, {100 * found.rate / found.capacity:.0f} % of {found.capacity:.0f}"
    summary = (
        f"`{found.command}`: {share}, {found.workers} workers. {calls:,} calls answered to their end; one in ten more "
        f"was left by its client. Errors: {words}. At the end: tokens held {found.held}, leases open {found.leases}, "
        f"calls without an answer {found.unanswered}."
    )
    lines = [
        summary,
        "",
        "| process | RSS first, MiB | last | most | MiB an hour, 95 % | PSS last, MiB | files first | most | last |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
        *(_process(one, found.warm_seconds) for one in found.processes),
        "",
        "| until minute | calls | errors | p50, ms | p99, ms | the machine's CPU |",
        "|---:|---:|---:|---:|---:|---:|",
        *map(_part, found.parts),
    ]
    return "\n".join(lines) + "\n"


def _process(one: Sampled, warm_seconds: float) -> str:
    """Give a row; first is after the warm-up, from which on the line is fitted."""
    at = next((place for place, now in enumerate(one.seconds) if now >= warm_seconds), 0)
    looks = one.looks[at:]
    rss = [look.rss for look in looks]
    fit = slope(one.seconds[at:], rss)
    grown = "-" if fit is None else f"{fit.mib_an_hour:+.1f} ± {fit.give_or_take:.1f}"
    files = [look.files for look in looks]
    memory = f"{rss[0]:.1f} | {rss[-1]:.1f} | {max(rss):.1f} | {grown} | {looks[-1].pss:.1f}"
    return f"| {one.part} | {memory} | {files[0]} | {max(files)} | {files[-1]} |"


def _part(part: Part) -> str:
    p50, p99 = (part.times.percentile_ms(percent) for percent in (50, 99))
    calls, errors = len(part.times), part.errors.total()
    return f"| {part.until_minutes:.1f} | {calls:,} | {errors} | {p50:.1f} | {p99:.1f} | {part.busy_percent:.0f} % |"


def write(text: str) -> None:
    """Put the tables between their marks."""
    write_marked(DOCUMENT, COMMAND, text)
