"""Processes that hang, or die again and again, under a supervisor that does not wait long."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.end_to_end.serving import END_SECONDS, eventually, serving
from tests.supervisor.processes import asked, descendants, events, is_running, kill, serving_pids, written

pytestmark = [
    pytest.mark.xdist_group("supervisor"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads the process tree from /proc"),
]
IMPATIENT = "tests.supervisor.impatient"


def test_a_worker_that_hangs_is_replaced(tmp_path: Path) -> None:
    """One that does not answer the supervisor is killed; another one serves in its place."""
    with serving(written(tmp_path), IMPATIENT) as served:
        hanging = next(iter(serving_pids(served)))
        os.kill(hanging, signal.SIGSTOP)
        eventually(lambda: len(after := serving_pids(served)) == 2 and hanging not in after)
        assert {line["pid"] for line in events(served, "worker_hangs")} == {hanging}
        assert not is_running(hanging)


def test_a_worker_that_hangs_does_not_outlive_the_supervisor(tmp_path: Path) -> None:
    """The fork server stays until the last worker is gone, and kills one that does not end by itself."""
    with serving(written(tmp_path)) as served:
        below = descendants(served.process.pid)
        os.kill(next(iter(serving_pids(served))), signal.SIGSTOP)
        served.kill()
        eventually(lambda: not any(map(is_running, below)))


def test_a_worker_that_is_asked_to_end_is_replaced(tmp_path: Path) -> None:
    """SIGTERM to one worker drains it; that counts as no death."""
    with serving(written(tmp_path), IMPATIENT) as served:
        asked_to_end = next(iter(serving_pids(served)))
        os.kill(asked_to_end, signal.SIGTERM)
        eventually(lambda: len(after := serving_pids(served)) == 2 and asked_to_end not in after)
        eventually(lambda: not is_running(asked_to_end))
        assert events(served, "worker_died") == []
        assert asked(served.url)[0] == 200


def test_a_store_that_dies_again_and_again_ends_the_gateway(tmp_path: Path) -> None:
    """The supervisor gives up with exit status 1, and nothing is left running."""
    with serving(written(tmp_path), IMPATIENT) as served:
        below = descendants(served.process.pid)
        server = next(pid for pid in below if "valkey" in Path(f"/proc/{pid}/comm").read_text("utf-8"))
        kill(server)
        while served.process.poll() is None:
            for pid in descendants(served.process.pid) - below:
                kill(pid)
        assert served.process.wait(END_SECONDS) == 1
        assert not any(map(is_running, below))
    assert "The embedded store ends as soon as it is started" in (tmp_path / "log").read_text("utf-8")
