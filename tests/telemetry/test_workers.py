"""Several workers' counts: real processes that write to one directory, live, die and are replaced."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.telemetry.workers import merged, prepare, retire

ROOT = Path(__file__).parents[2]
_WORKER = """
import sys
from gateway.telemetry.metrics import Metrics
metrics = Metrics()
number = int(sys.argv[1])
metrics.warned("company", 80)
metrics.store_call(0.002, number)
metrics.holds(number)
metrics.loop_lag(number / 10)
metrics.generation(number)
metrics.flush()
print("counted", flush=True)
sys.stdin.read()
"""


@contextmanager
def worker(directory: Path, number: int) -> Iterator[int]:
    """Give the id of a process that has counted; it ends by a kill."""
    command = [sys.executable, "-c", _WORKER, str(number)]
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(directory)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, cwd=ROOT) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"counted\n"
            yield process.pid
        finally:
            process.kill()


def read(directory: Path) -> dict[str, float]:
    """Give every series by its name and labels."""
    return {
        sample.name + "".join(f" {value}" for value in sample.labels.values()): sample.value
        for family in merged(directory)
        for sample in family.samples
    }


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Give a directory that is ready for workers."""
    path = tmp_path / "metrics"
    prepare(path)
    return path


def test_workers_are_added_up(directory: Path) -> None:
    """Counters and histograms are sums; of gauges it is the sum, the largest or the smallest, as each one means."""
    with worker(directory, 3), worker(directory, 5):
        found = read(directory)
    assert found["gateway_budget_warnings_total company 80"] == 2
    assert found["gateway_store_batch_operations_sum"] == 8
    assert found["gateway_store_batch_operations_count"] == 2
    assert found["gateway_store_batch_operations_bucket 4.0"] == 1
    assert found["gateway_holds_open"] == 8
    assert found["gateway_loop_lag_max_seconds"] == 0.5
    assert found["gateway_config_generation"] == 3


def test_a_dead_worker_s_counts_stay_and_its_gauges_go(directory: Path) -> None:
    """A worker that was killed has no holds any more; what it had counted is still counted, and never twice."""
    with worker(directory, 5):
        with worker(directory, 3) as pid:
            before = read(directory)
        retire(directory, pid)
        after = read(directory)
        retire(directory, pid)
        assert read(directory) == after
    assert (before["gateway_holds_open"], after["gateway_holds_open"]) == (8, 5)
    assert after["gateway_config_generation"] == 5
    counts = [name for name in before if "_total" in name or "_bucket" in name or name.endswith(("_sum", "_count"))]
    assert len(counts) > 20
    assert {name: after[name] for name in counts} == {name: before[name] for name in counts}


def test_restarts_leave_no_files_behind(directory: Path) -> None:
    """However many workers died, one file of each kind remembers them."""
    for number in range(1, 4):
        with worker(directory, number) as pid:
            pass
        retire(directory, pid)
    assert sorted(file.name for file in directory.glob("*.db")) == ["counter_0.db", "histogram_0.db"]
    assert read(directory)["gateway_budget_warnings_total company 80"] == 3


def test_no_scrape_sees_a_worker_twice(directory: Path) -> None:
    """While workers die and are folded, whoever reads beside that finds each count once: it never falls nor jumps."""
    found: list[float] = []
    done = threading.Event()

    def keep_reading() -> None:
        while not done.is_set():
            found.append(read(directory).get("gateway_budget_warnings_total company 80", 0))

    reader = threading.Thread(target=keep_reading)
    reader.start()
    try:
        for _ in range(4):
            with worker(directory, 1) as pid:
                pass
            retire(directory, pid)
    finally:
        done.set()
        reader.join()
    assert found == sorted(found)
    assert set(found) <= {0, 1, 2, 3, 4}
    assert read(directory)["gateway_budget_warnings_total company 80"] == 4


def test_a_worker_that_has_just_begun(directory: Path) -> None:
    """A file that its worker has made and not yet filled is no reason for a scrape to fail."""
    (directory / "counter_12345.db").touch()
    assert read(directory) == {}


def test_a_gateway_starts_from_nothing(directory: Path) -> None:
    """What an earlier gateway left in the directory is not counted again."""
    with worker(directory, 3):
        pass
    assert read(directory) != {}
    prepare(directory)
    assert read(directory) == {}
