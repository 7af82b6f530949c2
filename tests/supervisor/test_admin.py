"""What operators read, from a gateway with two workers."""

import json
import os
from collections.abc import Iterator
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.end_to_end.serving import Served, eventually, serving
from tests.supervisor.processes import admin_url, asked, page, workers, written

pytestmark = pytest.mark.xdist_group("supervisor")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve with two workers."""
    with serving(written(tmp_path_factory.mktemp("admin"))) as one:
        yield one


def test_health_and_readiness_are_told(served: Served) -> None:
    """Both answer 200 while workers serve and the store answers."""
    assert page(admin_url(served), "/healthz") == (200, b'{"status":"ok"}')
    assert page(admin_url(served), "/readyz") == (200, b'{"status":"ready","workers":2}')


def test_workers_are_listed(served: Served) -> None:
    """Each has its process id, its start, what it does, and the generation of its configuration."""
    for row in workers(served):
        os.kill(row["pid"], 0)
        assert datetime.fromisoformat(row["started"]).tzinfo is not None
        assert (row["state"], row["generation"]) == ("serving", 1)


def test_metrics_are_those_of_all_workers(served: Served) -> None:
    """Calls are counted once, whichever worker had them, and go on counting when it has left."""
    for _ in range(6):
        assert asked(served.url)[0] == 200
    counted = 'outcome="ok",provider="demo",purpose="QA"} 6.0'

    def is_counted() -> bool:
        return counted in page(admin_url(served), "/metrics")[1].decode()

    eventually(is_counted)
    for row in workers(served):
        os.kill(row["pid"], 15)
    eventually(lambda: {one["state"] for one in workers(served)} == {"serving"} and len(workers(served)) == 2)
    assert is_counted()
    text = page(admin_url(served), "/metrics")[1].decode()
    assert "\ngateway_workers 2.0\n" in text
    assert "\ngateway_config_generation 1.0\n" in text
    assert "\ngateway_worker_restarts_total 0.0\n" in text


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/", 404), ("POST", "/workers", 405)])
def test_there_is_nothing_else(method: str, path: str, status: int, served: Served) -> None:
    """Other paths are 404 and name those that are there; nothing can be changed."""
    address = urlsplit(admin_url(served))
    connection = HTTPConnection(address.hostname or "", address.port, timeout=10)
    connection.request(method, path)
    answer = connection.getresponse()
    assert answer.status == status
    assert "error" in json.loads(answer.read())
    connection.close()


def test_a_taken_admin_address_is_refused(served: Served, tmp_path: Path) -> None:
    """A gateway whose admin port is another's does not start, and says which setting to change."""
    port = int(admin_url(served).rpartition(":")[2])
    with (
        pytest.raises(AssertionError, match=rf"gateway: cannot listen on 127.0.0.1:{port}: .*; see admin.port"),
        serving(written(tmp_path, admin={"port": port})),
    ):
        pass
