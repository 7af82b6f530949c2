"""From what was found to what people read: two tables, and the marked part of docs/reliability.md."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.marked import write as write_marked
from benchmarks.memory import Taken
from benchmarks.siege.good import Figures

DOCUMENT = Path("docs/reliability.md")
COMMAND = "python -m benchmarks.siege"
TIMES = (
    *("beside", "calls idle, besieged", "failed", "p50 idle", "p50 besieged", "p99 idle", "p99 besieged"),
    *("p99: times", "worker's CPU", "ended by the gateway"),
)


@dataclass
class Row:
    """One kind of crowd: good calls before it came and beside it; the worker before, and when the crowd had gone."""

    name: str
    idle: Figures = field(default_factory=Figures)
    besieged: Figures = field(default_factory=Figures)
    ended: int = 0
    before: list[Taken] = field(default_factory=list)
    after: list[Taken] = field(default_factory=list)


def tables(rows: Sequence[Row], command: str) -> str:
    """Give both tables in Markdown."""
    lines = [
        f"`{command}`; times of good calls in ms.",
        "",
        f"| {' | '.join(TIMES)} |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        *map(_times, rows),
        "",
        "| worker beside | RSS before | most | after | PSS before | most | after | files before | most | after |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
        *map(_memory, rows),
    ]
    return "\n".join(lines) + "\n"


def _times(row: Row) -> str:
    idle, besieged = row.idle, row.besieged
    p50 = f"{idle.percentile(50):.1f} | {besieged.percentile(50):.1f}"
    p99 = f"{idle.percentile(99):.1f} | {besieged.percentile(99):.1f}"
    times = besieged.percentile(99) / idle.percentile(99)
    cpu = sum(besieged.cpu_percents) / len(besieged.cpu_percents)
    calls = f"{len(idle.latencies):,}, {len(besieged.latencies):,}"
    failed = idle.failed + besieged.failed
    return f"| {row.name} | {calls} | {failed} | {p50} | {p99} | **{times:.2f}** | {cpu:.0f} % | {row.ended:,} |"


def _memory(row: Row) -> str:
    looks = row.besieged.looks
    cells: list[str] = []
    for of in (lambda one: one.rss, lambda one: one.pss):
        cells += [
            f"{of(row.before[0]):.0f}",
            f"{max(map(of, looks)):.0f}",
            ", ".join(f"{of(one):.0f}" for one in row.after),
        ]
    files = [row.before[0].files, max(one.files for one in looks), row.after[-1].files]
    return f"| {row.name} | " + " | ".join([*cells, *(f"{n:,}" for n in files)]) + " |"


def write(text: str) -> None:
    """Put the tables between their marks."""
    write_marked(DOCUMENT, COMMAND, text)
