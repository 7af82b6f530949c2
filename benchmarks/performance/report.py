"""From what was found to what people read: a table, a picture, and the marked part of docs/performance.md."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import marked
from benchmarks.performance.load import Found, Kind

COMMAND = "python -m benchmarks.performance"
DOCUMENT = Path("docs/performance.md")
PICTURE = Path("docs/performance.svg")
PASS_THROUGHS = ("plain", "bare")


@dataclass(frozen=True)
class Row:
    """One kind of load: by server, the medians of its rounds."""

    kind: Kind
    found: Mapping[str, Found]

    def ratio(self, name: str, to: str = "bare") -> float:
        """Give a server's CPU per call over a pass-through's."""
        return self.found[name].cpu_us / self.found[to].cpu_us

    def chunk_ratio(self, to: str, whole: "Row") -> float:
        """Give the gateway's per chunk of a stream: what a stream costs beyond a call that is answered whole."""
        ours, other = (self.found[n].cpu_us - whole.found[n].cpu_us for n in ("gateway", to))
        return ours / other


def row_of(kind: Kind, rounds: Sequence[Mapping[str, Found]]) -> Row:
    """Give the medians of interleaved rounds."""

    def median(name: str, field: str) -> float:
        return statistics.median(getattr(one[name], field) for one in rounds)

    return Row(kind, {name: Found(*(median(name, f) for f in ("cpu_us", "p50_ms", "p99_ms"))) for name in rounds[0]})


def table(rows: Sequence[Row], memory: Mapping[str, float]) -> str:
    """Give the table in Markdown."""
    names = list(rows[0].found)
    lines = [
        "| load | "
        + " | ".join(f"{name}, us a call" for name in names)
        + " | gateway / plain | gateway / bare | added p50, ms | added p99, ms |",
        "|---|" + "---:|" * (len(names) + 4),
    ]
    for row in rows:
        bare, ours = row.found["bare"], row.found["gateway"]
        cpu = " | ".join(f"{row.found[name].cpu_us:.0f}" for name in names)
        added = f"{ours.p50_ms - bare.p50_ms:.2f} | {ours.p99_ms - bare.p99_ms:.2f}"
        ratios = " | ".join(f"{row.ratio('gateway', to):.2f}" for to in PASS_THROUGHS)
        lines.append(f"| {row.kind.name} | {cpu} | {ratios} | {added} |")
    whole = {row.kind.concurrency: row for row in rows if not row.kind.stream}
    for row in rows:
        if row.kind.stream and row.kind.concurrency in whole:
            ratios = " | ".join(f"{row.chunk_ratio(to, whole[row.kind.concurrency]):.2f}" for to in PASS_THROUGHS)
            blanks = " | " * len(names)
            lines.append(f"| a chunk of a {row.kind.name}{blanks}| {ratios} | | |")
    lines += [
        "",
        "Memory of the largest process: " + ", ".join(f"{n} {mib:.0f} MiB" for n, mib in memory.items()) + ".",
    ]
    return "\n".join(lines) + "\n"


def write(text: str, rows: Sequence[Row]) -> None:
    """Put the table between its marks, and draw the picture."""
    marked.write(DOCUMENT, COMMAND, text)
    draw(rows)


def draw(rows: Sequence[Row]) -> None:
    """Draw CPU per call beside the pass-through's."""
    import matplotlib as mpl  # noqa: PLC0415 - of the group `bench`, and slow to import

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "performance"
    from matplotlib import pyplot as plt  # noqa: PLC0415

    names = list(rows[0].found)
    figure, axes = plt.subplots(figsize=(8, 3.5), layout="constrained")
    for place, name in enumerate(names):
        spots = [at + place * 0.8 / len(names) for at in range(len(rows))]
        bars = axes.bar(spots, [row.found[name].cpu_us for row in rows], 0.8 / len(names), label=name)
        axes.bar_label(bars, [f"{row.ratio(name):.1f}x" for row in rows], fontsize=7)
    axes.set_xticks(
        [at + 0.4 - 0.4 / len(names) for at in range(len(rows))], [row.kind.name for row in rows], fontsize=8
    )
    axes.set_ylabel("CPU microseconds a call")
    axes.set_yscale("log")
    axes.legend()
    figure.savefig(PICTURE, metadata={"Date": None})
