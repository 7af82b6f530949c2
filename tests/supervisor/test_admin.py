"""What operators read, from a gateway with two workers."""

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.end_to_end.serving import Served, eventually, serving
from tests.gateways import ADA_KEY
from tests.supervisor.processes import admin_url, asked, page, workers, written
from tests.wire import CHAT_TARGET, LAST, Reply, request, talk

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
    # One that begins has said of no configuration yet that it serves it.
    eventually(lambda: "\ngateway_config_generation 1.0\n" in page(admin_url(served), "/metrics")[1].decode())
    text = page(admin_url(served), "/metrics")[1].decode()
    assert "\ngateway_workers 2.0\n" in text
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


def raw(served: Served, data: bytes) -> Reply:
    """Send bytes to the admin listener; give its one answer."""
    (reply,) = asyncio.run(talk(admin_url(served), data))
    return reply


@pytest.mark.parametrize("host", ["evil.example", "gateway.example:8081", "10.0.0.1", "127.0.0.1.evil.example"])
@pytest.mark.parametrize("path", ["/metrics", "/workers", "/readyz", "/healthz"])
def test_no_web_page_reads_it_under_a_name_of_its_own(served: Served, path: str, host: str) -> None:
    """On loopback only loopback's names are answered: a page whose name was pointed here (DNS rebinding) gets 421."""
    reply = raw(served, f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    assert reply.status == 421
    assert b"gateway_" not in reply.body
    assert b"pid" not in reply.body


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8081", "[::1]:9", "gateway.localhost"])
def test_loopback_s_names_read_it(served: Served, host: str) -> None:
    """Whoever asks from this machine, or through a tunnel to it, is answered."""
    assert raw(served, f"GET /workers HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()).status == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"])
def test_nothing_can_be_changed(served: Served, method: str) -> None:
    """Reading is all there is, on every page."""
    for path in ("/metrics", "/workers", "/readyz", "/healthz"):
        data = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        reply = raw(served, data.encode())
        assert (reply.status, reply.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "data",
    [
        b"GET /metrics HTTP/1.1\r\nX-Canary : canary-0123456789\r\n\r\n",
        b"canary-0123456789\r\n\r\n",
        b"GET /" + b"canary-0123456789" * 1_000 + b" HTTP/1.1\r\n\r\n",
        b"GET /metrics HTTP/1.1\r\nHost: canary/0123456789\r\nConnection: close\r\n\r\n",
    ],
)
def test_what_is_malformed_is_answered_in_our_words(served: Served, data: bytes) -> None:
    """Neither the answer nor the log repeats what came, or names a library."""
    reply = raw(served, data)
    assert (reply.status, reply.headers["Server"]) == (400, "token-budget-gateway")
    seen = f"{reply}{(served.directory / 'log').read_text('utf-8')}"
    assert "canary" not in seen
    assert "aiohttp" not in seen


def test_no_canary_is_on_any_page(served: Served) -> None:
    """Keys, wrong keys, models, purposes and prompts that calls brought are on no page and in no line of the log."""
    canary = "canary-of-a-caller"
    calls = [
        {"model": "demo", "messages": [{"role": "user", "content": canary}], "user": canary},
        {"model": canary, "messages": [{"role": "user", "content": "x"}]},
    ]
    for call in calls:
        for key in (ADA_KEY, f"{canary}-0123456789"):
            for lines in ((), (f"X-Gateway-Purpose: {canary}",), (f"X-Gateway-Session: {canary}",)):
                data = request("POST", CHAT_TARGET, *lines, LAST, body=json.dumps(call).encode(), key=key)
                asyncio.run(talk(served.url, data))
    for target in (f"/v1/{canary}", f"/v1/models/{canary}", f"/api/v2/TenantConsumptionLogs/{canary}/acme/Daily"):
        asyncio.run(talk(served.url, request("GET", target, LAST)))
    for path in ("/metrics", "/workers", "/readyz", "/healthz", f"/{canary}"):
        text = page(admin_url(served), path)[1].decode()
        assert canary not in text
        assert ADA_KEY not in text
    log = (served.directory / "log").read_text("utf-8")
    assert ADA_KEY not in log
    assert not [line for line in log.splitlines() if canary in line and '"model"' not in line]


def test_it_waits_for_nobody(tmp_path: Path) -> None:
    """Headers that drip are ended here as well."""
    with serving(written(tmp_path, server={"header_seconds": "0.3"})) as served:
        address = urlsplit(admin_url(served))
        with socket.create_connection((address.hostname, address.port), timeout=20) as slow:
            slow.sendall(b"GET /metrics HTTP/1.1\r\nX-A: ")
            answer = slow.makefile("rb").read()
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_taken_admin_address_is_refused(served: Served, tmp_path: Path) -> None:
    """A gateway whose admin port is another's does not start, and says which setting to change."""
    port = int(admin_url(served).rpartition(":")[2])
    with (
        pytest.raises(AssertionError, match=rf"gateway: cannot listen on 127.0.0.1:{port}: .*; see admin.port"),
        serving(written(tmp_path, admin={"port": port})),
    ):
        pass
