"""A configuration that changes under load: hot, by SIGHUP, and a wrong one that changes nothing."""

import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.supervisor.reload import NEW_WORKERS, Editions, Source
from tests.end_to_end.serving import eventually, serving
from tests.supervisor.processes import admin_url, asked, events, loaded, page, serving_pids, workers, written

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
        assert b"gateway_config_refused 1.0" in page(admin_url(served), "/metrics")[1]
        served.process.send_signal(signal.SIGHUP)
        eventually(lambda: events(served, "restart_refused"))
        assert asked(served.url)[0] == 200
        assert serving_pids(served) == before
        written(tmp_path, limit=5_000_000)
        eventually(lambda: b"gateway_config_refused 0.0" in page(admin_url(served), "/metrics")[1])
        assert events(served, "reloaded")


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


def test_the_poll_follows_the_number_of_workers(tmp_path: Path) -> None:
    """Under load, two more come and then all but one leave, without a signal and without a failed call."""
    with serving(written(tmp_path)) as served:
        before = serving_pids(served)
        with loaded(served.url) as load:
            load.grows_by(20)
            written(tmp_path, server={"workers": 4})
            eventually(lambda: len(serving_pids(served)) == 4)
            assert before < serving_pids(served)
            written(tmp_path, server={"workers": 1})
            eventually(lambda: len(serving_pids(served)) == 1 and len(workers(served)) == 1)
            load.grows_by(40)
            assert load.errors == []
        assert set(load.statuses) == {200}
        assert events(served, "worker_died") == events(served, "setting_not_applied") == []


def test_the_poll_warns_of_what_takes_a_restart(tmp_path: Path) -> None:
    """Each setting that is not followed by itself is named, with what to do; SIGHUP does it, and nothing is left."""
    with serving(written(tmp_path)) as served:
        new: dict[str, Any] = {"ledger": {"lease_seconds": 30}, "store": {"journal": False}}
        written(tmp_path, **new)
        eventually(lambda: len(events(served, "setting_not_applied")) == len(NEW_WORKERS))
        warned = events(served, "setting_not_applied")
        assert {line["setting"] for line in warned} == set(NEW_WORKERS)
        assert all("SIGHUP" in line["needs"] for line in warned)
        served.process.send_signal(signal.SIGHUP)
        eventually(lambda: events(served, "workers_restarted"))
        written(tmp_path, limit=1, **new)
        eventually(lambda: len(events(served, "reloaded")) == 2)
        assert events(served, "setting_not_applied") == warned


def test_warnings_follow_the_file(tmp_path: Path) -> None:
    """A lower threshold is there for the next call of every worker, and is told once."""
    with serving(written(tmp_path, limit=10_000)) as served:
        assert asked(served.url)[0] == 200
        written(tmp_path, limit=10_000, warnings={"thresholds": [1, 90]})
        eventually(lambda: events(served, "reloaded"))
        for _ in range(10):
            assert asked(served.url)[0] == 200
        eventually(lambda: events(served, "budget_threshold"))
    (told,) = events(served, "budget_threshold")
    assert (told["budget"], told["limit"], told["threshold"]) == ("own", 10_000, 1)


async def test_keys_for_loopback_stay_refused_where_the_gateway_listens_elsewhere(tmp_path: Path) -> None:
    """A file that now names loopback does not make published keys right: every address is still bound."""
    path = written(tmp_path, server={"host": "0.0.0.0"})  # noqa: S104 - nothing listens here
    editions = Editions(Source(path))
    text = path.read_text("utf-8").replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    path.write_text(text.replace("ada-key-0123456789", "demo-ada-0123456789"), "utf-8")
    assert not await editions.look()
    assert not editions.is_right
    assert editions.current is editions.first


async def test_a_file_that_was_away_for_a_moment_is_right_again(tmp_path: Path) -> None:
    """What cannot be read is refused; once it is there as it was, it is the current one still, and SIGHUP is heeded."""
    path = written(tmp_path)
    editions = Editions(Source(path))
    path.rename(tmp_path / "aside")
    assert not await editions.look()
    was_right = editions.is_right
    (tmp_path / "aside").rename(path)
    assert not await editions.look()
    assert (was_right, editions.is_right) == (False, True)
    assert editions.current is editions.first
