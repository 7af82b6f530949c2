"""A store that dies and comes back: workers, the admin listener and the metrics tell the same, at each stage."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest

from gateway.budget import Ledger, script
from gateway.store import tending
from gateway.store.connection import Store
from gateway.supervisor import child
from gateway.supervisor.admin import Admin
from gateway.supervisor.worker import standing_of
from gateway.telemetry.metrics import Supervision
from tests.app.test_scrape import Scraped
from tests.end_to_end.serving import configured as configured_file
from tests.end_to_end.serving import eventually, serving
from tests.gateways import Client, Limits
from tests.pipeline.test_store_away import gateway_on
from tests.store.restartable import Restartable, restartable
from tests.store.servers import ask, until
from tests.supervisor.processes import admin_url, page

NOBODY = SimpleNamespace(base_url="http://127.0.0.1:1")
"""A provider that is not called."""
KEYS = 20_000
DELAY_MICROSECONDS = 300
"""For each key that a server loads, so that it is loading for seconds."""


class Told(NamedTuple):
    """What everybody says at one moment."""

    worker: tuple[int, str]
    admin: tuple[int, str]
    store_up: float
    breaker: float


WELL = Told((200, "ready"), (200, "ready"), 1, 0)
UNREADY = (503, "not ready")
DEGRADED = (200, "degraded")


@pytest.fixture
def server(tmp_path: Path):
    """Give a server with every answer on the disk."""
    with restartable(tmp_path / "store") as one:
        yield one


class Watcher:
    """An operator beside a worker: asks it, and the admin listener, which has a connection of its own."""

    def __init__(self, client: Client, store: Store) -> None:
        self.client = client
        self.store = store
        gateway = client.app.gateway
        worker = SimpleNamespace(state=child.State.SERVING, pid=1, started=0.0, generation=1)
        pool = SimpleNamespace(children=[worker], counted=Supervision())
        pool.counted.registry = gateway.metrics.registry
        self._worker = worker
        ledger = Ledger(store, script.load(), lease_seconds=60)
        self._admin = Admin(pool, store, ledger, lambda: gateway.config, None)

    async def told(self) -> Told:
        """Ask all of them."""
        async with self.client.get("/readyz") as answer:
            worker = answer.status, json.loads(await answer.read()).get("status", "not ready")
        self._worker.standing = standing_of(self.client.app.gateway)
        answer = await self._admin._readyz()
        admin = answer.status, json.loads(answer.body)["status"]
        scraped = Scraped((await self._admin._scraped()).body)
        up, breaker = scraped.of("gateway_store_up"), scraped.of("gateway_store_breaker_state")
        assert bool(scraped.companies()) == (up == 1)
        assert scraped.of("gateway_budget_companies_unread") == (0 if up else 2)
        return Told(worker, admin, up, breaker)

    async def until_told(self, told: Told) -> None:
        """Wait until they say this; the test's own timeout is the limit."""
        while await self.told() != told:  # noqa: ASYNC110 - it asks, and nobody tells
            await asyncio.sleep(0.05)


@asynccontextmanager
async def watched(server: Restartable, tmp_path: Path, policy: str) -> AsyncIterator[Watcher]:
    """Give a watcher of a gateway under a policy."""
    limits = Limits(store=f", on_failure: {policy}")
    async with gateway_on(server.url, tmp_path, NOBODY, limits) as client:
        store = Store.connect(server.url)
        async with tending.tended(store):
            yield Watcher(client, store)
        await store.close()


@pytest.mark.parametrize("policy", ["closed", "grace", "open"])
async def test_all_tell_the_same_truth_throughout_an_outage(server: Restartable, tmp_path: Path, policy: str) -> None:
    """Well, killed, open, loading, well again; who goes on without the store is ready, degraded."""
    status = UNREADY if policy == "closed" else DEGRADED
    away = Told(status, status, 0, 2)
    await ask(server.url, "EVAL", f"for i = 1, {KEYS} do redis.call('SET', 'x' .. i, 1) end", 0)
    async with watched(server, tmp_path, policy) as watcher:
        await watcher.until_told(WELL)
        server.kill()
        first = await watcher.told()
        assert (first.worker, first.admin, first.store_up) == (status, status, 0)
        await watcher.until_told(away)
        server.begin("--key-load-delay", str(DELAY_MICROSECONDS))
        await until_it_loads(server)
        assert await watcher.told() == away
        assert await is_loading(server)
        await watcher.until_told(WELL)


async def is_loading(server: Restartable) -> bool:
    """Whether a server answers, and has not loaded its data."""
    return (await ask(server.url, "INFO", "persistence"))["loading"] == 1


async def until_it_loads(server: Restartable) -> None:
    """Wait until it says so."""
    await until(server.socket.exists)
    while not await is_loading(server):  # noqa: ASYNC110 - a server sets no event
        await asyncio.sleep(0.01)


@pytest.mark.xdist_group("supervisor")
def test_a_real_gateway_s_admin_listener_hears_of_it_from_its_workers(tmp_path: Path) -> None:
    """Two workers and their supervisor: each says so when the store goes, and when it is back."""
    with restartable(tmp_path / "store") as server:
        path = configured_file(
            tmp_path, "http://127.0.0.1:1", Limits(), store={"url": server.url}, server={"workers": 2}
        )
        with serving(path) as served:
            admin = admin_url(served)
            assert [page(one, "/readyz")[0] for one in (served.url, admin)] == [200, 200]
            server.kill()
            eventually(lambda: b"gateway_store_breaker_state 2.0" in page(admin, "/metrics")[1])
            assert [page(one, "/readyz")[0] for one in (served.url, admin)] == [503, 503]
            assert b"gateway_store_up 0.0" in page(admin, "/metrics")[1]
            server.start()
            eventually(lambda: page(admin, "/readyz")[1] == b'{"status":"ready","workers":2}')
            assert page(served.url, "/readyz")[0] == 200
            assert b"gateway_store_up 1.0" in page(admin, "/metrics")[1]
            eventually(lambda: b"gateway_store_breaker_state 0.0" in page(admin, "/metrics")[1])
