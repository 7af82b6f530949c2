"""Owns what is counted with every call, between the call and the metrics: added up here, brought there now and then.

The rule that matters: nothing is lost on a clean end and nothing is counted twice. A count in a file that all workers
share costs some microseconds, and a call has ten; here it is an addition.
"""

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable

from prometheus_client import Histogram
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

Labels = tuple[str, ...]


class Sums:
    """A counter's series: what is still to be added to each; `count_of` gives what adds to one."""

    def __init__(self, count_of: Callable[..., Callable[[float], None]]) -> None:
        self._count_of = count_of
        self._pending: dict[Labels, float] = {}

    def add(self, amount: float, *labels: str) -> None:
        """Add to one series."""
        self._pending[labels] = self._pending.get(labels, 0) + amount

    def flush(self) -> None:
        """Bring what was added to the counter."""
        pending, self._pending = self._pending, {}
        for labels, amount in pending.items():
            self._count_of(*labels)(amount)


class Spreads:
    """A histogram's series: how many values fell into each bucket since the last flush, and their sum."""

    def __init__(self, bounds: Iterable[float], series_of: Callable[..., Histogram]) -> None:
        self._bounds = tuple(bounds)
        self._series_of = series_of
        self._pending: dict[Labels, list[float]] = {}

    def add(self, value: float, *labels: str) -> None:
        """Take one value in."""
        counts = self._pending.get(labels)
        if counts is None:
            counts = self._pending[labels] = [0.0] * (len(self._bounds) + 2)
        counts[bisect_left(self._bounds, value)] += 1
        counts[-1] += value

    def flush(self) -> None:
        """Bring the counts to the histogram: its own method takes one value at a time."""
        pending, self._pending = self._pending, {}
        for labels, counts in pending.items():
            series = self._series_of(*labels)
            series._sum.inc(counts[-1])  # noqa: SLF001
            for bucket, count in zip(series._buckets, counts, strict=False):  # noqa: SLF001
                if count:
                    bucket.inc(count)


class Tally(Collector):
    """All that is pending in a process. Registered before the families, it is empty before they are read."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self._parts: list[Sums | Spreads] = []

    def keep(self, *parts: Sums | Spreads) -> None:
        """Flush these too."""
        self._parts += parts

    def flush(self) -> None:
        """Bring everything to the metrics."""
        with self.lock:
            for part in self._parts:
                part.flush()

    def collect(self) -> Iterable[Metric]:
        """Give nothing of its own."""
        self.flush()
        return ()
