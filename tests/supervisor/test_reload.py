"""A configuration that changes under load: hot, by SIGHUP, and a wrong one that changes nothing."""

import signal
import sys
from pathlib import Path

import pytest

from gateway.supervisor.reload import Editions, Source
from tests.end_to_end.serving import eventually, serving
from tests.supervisor.processes import asked, events, loaded, serving_pids, workers, written

pytestmark = [
    pytest.mark.xdist_group("supervisor"),
    pytest.mark.skipif(sys.platform == "win32", reason="no SIGHUP"),
]


def test_a_changed_limit_applies_to_the_next_call_of_every_worker(tmp_path: Path) -> None:
    """Under load no call fails; once it is in force, no worker admits a call that the new limit forbids."""
    with serving(written(tmp_path)) as served:
        before = serving_pids(served)
        with loaded(served.url) as load:
            load.grows_by(20)
            written(tmp_path, limit=1)
            eventually(lambda: events(served, "reloaded"))
            load.statuses.clear()
            load.grows_by(40)
            assert load.errors == []
            refused = load.statuses[12:]  # calls that were in flight when it changed may have been admitted before
            written(tmp_path, limit=20_000_000)
            eventually(lambda: len(events(served, "reloaded")) == 2)
            eventually(lambda: asked(served.url)[0] == 200)
            assert load.errors == []
        assert set(refused) == {429}
        assert serving_pids(served) == before
        assert {row["generation"] for row in workers(served)} == {3}


def test_a_wrong_file_changes_nothing(tmp_path: Path) -> None:
    """Each mistake is in the log with file, line and column; calls go on under the old one, and SIGHUP is refused."""
    path = written(tmp_path)
    with serving(path) as served:
        before = serving_pids(served)
        path.write_text(path.read_text("utf-8") + "colour: blue\ntimezone: Mars\n", "utf-8")
        eventually(lambda: events(served, "configuration_kept"))
        problems = [line["problem"] for line in events(served, "configuration_refused")]
        assert [problem.split(": ")[1] for problem in problems] == ["colour", "timezone"]
        lines = path.read_text("utf-8").splitlines()
        assert problems[0].startswith(f"{path}:{lines.index('colour: blue') + 1}:1: ")
        served.process.send_signal(signal.SIGHUP)
        eventually(lambda: events(served, "restart_refused"))
        assert asked(served.url)[0] == 200
        assert serving_pids(served) == before
        written(tmp_path, limit=5_000_000)
        eventually(lambda: events(served, "reloaded"))


def test_sighup_restarts_every_worker_and_no_call_fails(tmp_path: Path) -> None:
    """Under load, each worker is replaced by one of another number of workers; another admin port is only warned of."""
    with serving(written(tmp_path)) as served:
        before = serving_pids(served)
        with loaded(served.url) as load:
            load.grows_by(20)
            written(tmp_path, server={"workers": 3}, admin={"port": 1})
            served.process.send_signal(signal.SIGHUP)
            eventually(lambda: events(served, "workers_restarted"))
            eventually(lambda: len(serving_pids(served)) == 3 and len(workers(served)) == 3)
            load.grows_by(40)
            assert load.errors == []
        assert set(load.statuses) == {200}
        assert not before & serving_pids(served)
        assert "admin.port" in {line["setting"] for line in events(served, "setting_not_applied")}


def test_the_poll_warns_of_what_takes_a_restart(tmp_path: Path) -> None:
    """A number of workers in the file is not followed by itself; the warning says what to do."""
    with serving(written(tmp_path)) as served:
        written(tmp_path, server={"workers": 1}, ledger={"lease_seconds": 30})
        warned = eventually(lambda: events(served, "setting_not_applied")[1:] and events(served, "setting_not_applied"))
        assert {line["setting"] for line in warned} == {"server.workers", "ledger.lease_seconds"}
        assert all("SIGHUP" in line["needs"] for line in warned)
        assert len(serving_pids(served)) == 2


async def test_keys_for_loopback_stay_refused_where_the_gateway_listens_elsewhere(tmp_path: Path) -> None:
    """A file that now names loopback does not make published keys right: every address is still bound."""
    path = written(tmp_path, server={"host": "0.0.0.0"})  # noqa: S104 - nothing listens here
    editions = Editions(Source(path))
    text = path.read_text("utf-8").replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    path.write_text(text.replace("ada-key-0123456789", "demo-ada-0123456789"), "utf-8")
    assert not await editions.look()
    assert not editions.is_right
    assert editions.current is editions.first
