"""What the processes of a gateway take, from /proc (Linux): memory as the system counts it, and open files."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

STORE = "valkey-server"


@dataclass(frozen=True)
class Taken:
    """MiB resident; MiB where what processes share is divided among them; open files."""

    rss: float
    pss: float
    files: int


def taken(pid: int) -> Taken:
    """Look at one process. OSError where it is gone."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("utf-8").splitlines()[1:]
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    files = len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208 - the count is all
    return Taken(kib["Rss"] / 1024, kib["Pss"] / 1024, files)


def children(pid: int) -> list[int]:
    """Give the children of a process; none of one that is gone."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(word) for task in tasks for word in (task / "children").read_text("utf-8").split()]
    except OSError:
        return []


def family(pid: int) -> Iterator[tuple[int, str]]:
    """Give the processes of a gateway, the store apart, each with its part: supervisor, fork server, worker."""
    yield pid, "supervisor"
    for child in children(pid):
        if _name(child) != STORE:
            yield child, "fork server"
            for worker in children(child):
                yield worker, "worker"


def workers(pid: int) -> list[int]:
    """Give the workers of a gateway."""
    return [one for one, part in family(pid) if part == "worker"]


def cpu_seconds(pid: int) -> float:
    """Give user and system time of one process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text("utf-8").strip()
    except OSError:
        return STORE
