"""What becomes of a gateway when one of its processes is killed: real processes, and callers that never stop."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.store import is_locked
from tests.end_to_end.serving import END_SECONDS, Served, eventually, serving
from tests.supervisor.processes import (
    asked,
    descendants,
    events,
    fork_server,
    is_running,
    kill,
    loaded,
    serving_pids,
    written,
)

pytestmark = [
    pytest.mark.xdist_group("supervisor"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads the process tree from /proc"),
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with two workers for the tests that leave the supervisor alive."""
    with serving(written(tmp_path_factory.mktemp("deaths"))) as one:
        yield one


def test_two_workers_serve(served: Served) -> None:
    """As many processes serve as server.workers says, and calls are answered."""
    assert len(serving_pids(served)) == 2
    assert asked(served.url)[0] == 200


def test_a_killed_worker_is_replaced(served: Served) -> None:
    """Under load, other calls are answered, another worker comes, and the death is in the log."""
    before = serving_pids(served)
    victim = next(iter(before))
    with loaded(served.url) as load:
        load.grows_by(10)
        kill(victim)
        eventually(lambda: len(after := serving_pids(served)) == 2 and victim not in after)
        load.errors.clear()  # the calls that the dead worker had
        load.grows_by(30)
        assert load.errors == []
    assert set(load.statuses) == {200}
    assert victim in {line["pid"] for line in events(served, "worker_died")}


def test_a_killed_fork_server_is_not_missed(served: Served) -> None:
    """Its workers go on; another one is there before a worker is needed, and gives birth to the next."""
    before, old = serving_pids(served), fork_server(served)
    with loaded(served.url) as load:
        kill(old)
        eventually(lambda: events(served, "fork_server_restarted"))
        load.grows_by(20)
        assert load.errors == []
        assert serving_pids(served) == before
        victim = next(iter(before))
        kill(victim)
        eventually(lambda: len(after := serving_pids(served)) == 2 and victim not in after)
    (fresh,) = serving_pids(served) - before
    assert fresh in descendants(served.process.pid)
    assert len(events(served, "fork_server_died")) == len(events(served, "fork_server_restarted")) == 1


def test_a_worker_that_dies_with_the_fork_server_is_replaced(tmp_path: Path) -> None:
    """The next one waits for the new fork server, and calls are answered."""
    with serving(written(tmp_path)) as served:
        before, old = serving_pids(served), fork_server(served)
        victim = next(iter(before))
        kill(old)
        kill(victim)
        eventually(lambda: len(after := serving_pids(served)) == 2 and victim not in after)
        assert asked(served.url)[0] == 200


def test_a_killed_store_is_started_again(served: Served) -> None:
    """While it is away calls get 503, then they are answered again; what was charged is still known."""
    old = served.store_pid()
    with loaded(served.url) as load:
        load.grows_by(10)
        kill(old)
        eventually(lambda: events(served, "store_server_restarted"))
        eventually(lambda: asked(served.url)[0] == 200)
        load.statuses.clear()
        load.grows_by(20)
        assert load.errors == []
    assert served.store_pid() != old
    assert set(load.statuses) <= {200, 503}


def test_a_killed_supervisor_takes_everything_with_it(tmp_path: Path) -> None:
    """Workers, fork server and store end by themselves, and the data directory is free."""
    with serving(written(tmp_path)) as served, loaded(served.url):
        below = descendants(served.process.pid)
        assert len(below) >= 4
        served.kill()
        eventually(lambda: not any(map(is_running, below)))
        assert not is_locked(tmp_path / "data")


def test_workers_that_cannot_live_end_the_gateway(tmp_path: Path) -> None:
    """A worker that is killed again and again at its start is not started for ever: exit status 1, and a line."""
    with serving(written(tmp_path, server={"workers": 1})) as served:
        below = descendants(served.process.pid)
        while served.process.poll() is None:
            for line in events(served, "worker_started"):
                if is_running(line["pid"]):
                    kill(line["pid"])
        assert served.process.wait(END_SECONDS) == 1
        assert not any(map(is_running, below))
    text = (tmp_path / "log").read_text("utf-8")
    assert "gateway: workers end as soon as they are started" in text
