"""Each process over time, and the slope of its memory with what it is worth."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.memory import Taken, family, taken

BLOCKS = 12
T_95 = 2.228
"""Student's t for 95 % and BLOCKS - 2 degrees of freedom."""


@dataclass
class Sampled:
    """One process: seconds since the beginning, and looks at it."""

    part: str
    seconds: list[float] = field(default_factory=list)
    looks: list[Taken] = field(default_factory=list)


@dataclass(frozen=True)
class Slope:
    """MiB an hour, give or take, at 95 %."""

    mib_an_hour: float
    give_or_take: float


def slope(seconds: Sequence[float], mib: Sequence[float]) -> Slope | None:
    """Fit a line by least squares; None for too few samples.

    Samples that follow each other are alike, so means of blocks are fitted, not samples: else the confidence would be
    that of many more than there are.
    """
    size = len(seconds) // BLOCKS
    if size == 0:
        return None
    cuts = [slice(place * size, (place + 1) * size) for place in range(BLOCKS)]
    xs, ys = ([statistics.fmean(values[cut]) for cut in cuts] for values in (seconds, mib))
    fit = statistics.linear_regression(xs, ys)
    rest = sum((y - fit.intercept - fit.slope * x) ** 2 for x, y in zip(xs, ys, strict=True))
    mean = statistics.fmean(xs)
    error = (rest / (BLOCKS - 2) / sum((x - mean) ** 2 for x in xs)) ** 0.5
    return Slope(fit.slope * 3600, T_95 * error * 3600)


class Sampling:
    """All processes of a gateway."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.processes: dict[int, Sampled] = {}

    def look(self, now: float) -> None:
        """Look at each."""
        for pid, part in family(self._pid):
            try:
                look = taken(pid)
            except OSError:
                continue  # it has just ended
            one = self.processes.setdefault(pid, Sampled(part))
            one.seconds.append(now)
            one.looks.append(look)


def busy_seconds() -> tuple[float, float]:
    """Give how long all processors have worked, and have been there, since the machine began."""
    fields = [int(word) for word in Path("/proc/stat").read_text("utf-8").split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / 100, sum(fields) / 100
