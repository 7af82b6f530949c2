"""Owns the directory in which several workers count: their files are summed, and those of dead workers folded into one.

The rule that matters: a counter never falls. What a dead worker counted stays; its gauges go with it. So nobody reads
while a file is folded: a lock in the directory holds that, whichever process reads.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

_ADDED_UP = ("counter", "histogram")
_FOLDED = 0
"""No process has this id: the files under it hold what dead workers counted."""


def prepare(directory: Path) -> None:
    """Make the directory, empty: a gateway that starts counts from nothing."""
    directory.mkdir(parents=True, exist_ok=True)
    for file in directory.glob("*.db"):
        file.unlink()


def merged(directory: Path) -> list[Metric]:
    """Give what all workers counted, dead ones included. Takes a tenth of a second for 20,000 series."""
    with _locked(directory, fcntl.LOCK_SH):
        # A file is empty for the instant in which its worker makes it.
        files = [str(file) for file in directory.glob("*.db") if file.stat().st_size]
        return list(MultiProcessCollector.merge(files))  # type: ignore[no-untyped-call]


def retire(directory: Path, pid: int) -> None:
    """Fold a dead worker's counters into one file, so that a thousand restarts leave no thousand files."""
    with _locked(directory, fcntl.LOCK_EX):
        mark_process_dead(pid, str(directory))  # type: ignore[no-untyped-call]
        for kind in _ADDED_UP:
            file = directory / f"{kind}_{pid}.db"
            if file.exists():
                _fold(file, directory / f"{kind}_{_FOLDED}.db")
                file.unlink()


@contextmanager
def _locked(directory: Path, how: int) -> Iterator[None]:
    with (directory / "lock").open("a") as lock:
        fcntl.flock(lock, how)
        yield


def _fold(file: Path, into: Path) -> None:
    total = MmapedDict(str(into))  # type: ignore[no-untyped-call]
    for key, value, _, _ in MmapedDict.read_all_values_from_file(str(file)):  # type: ignore[no-untyped-call]
        so_far, _ = total.read_value(key)  # type: ignore[no-untyped-call]
        total.write_value(key, so_far + value, 0.0)  # type: ignore[no-untyped-call]
    total.close()  # type: ignore[no-untyped-call]
