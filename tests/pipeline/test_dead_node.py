"""A cluster of three servers, one of which dies or hangs: its companies get 503, and nobody else notices."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.app.scrape import scrape
from gateway.budget import Ask, Ledger, Order, reaper, script
from gateway.cli.reconciled import render
from gateway.errors import StoreUnavailable
from gateway.model import Budget, Caller, Enforcement, Key, Level, Rolling, Scope, Unit
from gateway.reconcile import reconcile
from gateway.store.breaker import State
from gateway.store.connection import Store
from gateway.store.shards import prefix
from gateway.store.slots import slot_of_key
from gateway.warnings.outbox import Outbox, Told
from tests.app.test_scrape import Scraped
from tests.gateways import ACME, OTHER, OTHER_KEY, Client, Limits
from tests.pipeline.test_store_away import CALL, at_the_gate, gateway_on, ready
from tests.provider.process import ProviderProcess
from tests.store.groups import ClusterOf, Server, cluster
from tests.store.servers import VALKEY, until

PATIENT = "{connect: 2, first_byte: 60, between_bytes: 60}"
THEIRS = {"Authorization": f"Bearer {OTHER_KEY}"}
LEASED = Budget("leased", "leased", Scope.COMPANY, "c:leased", Unit.TOKENS, Rolling(30), 1000, Enforcement.HARD)


@pytest.fixture
def three() -> Iterator[ClusterOf]:
    """Give a cluster without replicas, whose servers go on when one is gone."""
    with cluster(VALKEY, "--cluster-require-full-coverage", "no", primaries=3) as found:
        yield found


def home(three: ClusterOf, company: str) -> Server:
    """Give the server that a company lives on."""
    return three.holder(slot_of_key(prefix(company)))


async def call(client: Client, *, theirs: bool = False, model: str = "m:", **body: Any) -> tuple[int, dict[str, str]]:
    """Call as one company or the other; gives the status and the headers."""
    async with client.chat(model, headers=THEIRS if theirs else None, **body) as answer:
        await answer.read()
        return answer.status, dict(answer.headers)


async def page(client: Client, path: str, **headers: str) -> tuple[int, Any]:
    """Read one of the gateway's own pages."""
    async with client.get(path, **headers) as answer:
        return answer.status, json.loads(await answer.read())


async def expiring(store: Store) -> None:
    """Leave a lease of each company that nobody renews."""
    ledger = Ledger(store, script.load(), lease_seconds=0.01)
    for company in (ACME, OTHER):
        await ledger.reserve(Order(f"dead-{company}", company, (Ask(LEASED, 5, 0),), 0, 0))


async def left(store: Store, company: str) -> int:
    """Count a company's live leases."""
    return await store.execute("HLEN", f"{prefix(company)}L")


async def test_a_dead_server_stops_its_own_companies_and_nobody_else(
    three: ClusterOf, tmp_path: Path, far: ProviderProcess
) -> None:
    """Calls, leases that expire, budgets, usage, readiness, metrics: the others' are as ever, also in a new worker."""
    dead = home(three, OTHER)
    assert dead is home(three, "") is not home(three, ACME)
    aside = Store.connect(three.url)
    async with gateway_on(three.url, tmp_path, far, Limits()) as client:
        assert [(await call(client))[0], (await call(client, theirs=True))[0]] == [200, 200]
        await expiring(aside)
        dead.kill()
        served = len(await far.log())
        while client.app.gateway.store.state is not State.OPEN:
            assert (await call(client))[0] == 200
            status, headers = await call(client, theirs=True)
            assert (status, headers["Retry-After"]) == (503, "1")
            served += 1
        for _ in range(5):
            assert [(await call(client))[0], (await call(client, theirs=True))[0]] == [200, 503]
        assert len(await far.log()) == served + 5
        await told_by_the_living(client, aside)
    # A worker that is born now knows no more than its URL, and serves those who can be served.
    async with gateway_on_what_is_left(three, tmp_path, far) as client:
        assert [(await call(client))[0], (await call(client, theirs=True))[0]] == [200, 503]
    await aside.close()


async def told_by_the_living(client: Client, aside: Store) -> None:
    """Check what operators and users are told of a gateway that has lost a part of its store."""
    gateway = client.app.gateway
    while await left(aside, ACME):
        await reaper.sweep(gateway.ledger, gateway.store)
    (level,) = await gateway.ledger.read(ACME, [LEASED])
    assert (level.used, level.held) == (5, 0)
    assert (await page(client, "/readyz")) == (200, {"status": "degraded"})
    assert (await page(client, "/v1/budget"))[0] == 200
    status, problem = await page(client, "/v1/budget", **THEIRS)
    assert (status, problem["error"]["code"]) == (503, "store_unavailable")
    scraped = Scraped(await scrape(gateway.config, gateway.ledger, None, gateway.metrics.registry))
    assert scraped.of("gateway_store_up") == 0
    assert scraped.of("gateway_store_breaker_state") == 2
    assert scraped.of("gateway_budget_companies_unread") == 1
    assert {company for company, _ in scraped.companies()} == {"acme"}
    companies = tuple(gateway.config.companies.values())
    found = await reconcile(aside, gateway.config, companies, who="ops")
    assert (set(found.away), found.drifts) == ({"other"}, [])
    assert "other: nothing: The budget store is not available" in render(found)
    await outbox_of_the_living(aside)
    for company, name in ((OTHER, "theirs"), (ACME, "ours")):
        level = Level(replace(LEASED, name=name, subject=f"c:{name}"), 1000, 900, 0, None)
        gateway.warnings.observe(Caller(Key("", "", ""), gateway.config.companies[company]), [level])
    await until(lambda: warned(client, "ours") == 1)
    assert warned(client, "theirs") == 0


def warned(client: Client, budget: str) -> float:
    """Count the warnings of a budget, which were passed by 90 %."""
    labels = {"budget": budget, "threshold": "80"}
    return client.app.gateway.metrics.registry.get_sample_value("gateway_budget_warnings_total", labels) or 0


async def outbox_of_the_living(aside: Store) -> None:
    """Check that warnings of the others are told, and that theirs wait."""
    outbox = Outbox(aside, lease_seconds=5)
    full = Level(LEASED, 1000, 900, 0, None)
    assert await outbox.mark(ACME, full, (80,), "one", b"{}") is Told.NOW
    with pytest.raises(StoreUnavailable):
        await outbox.mark(OTHER, full, (80,), "another", b"{}")
    assert await outbox.shards() == [prefix(ACME)]


def gateway_on_what_is_left(three: ClusterOf, tmp_path: Path, far: ProviderProcess):
    """Give a gateway that need not be ready as a whole."""
    return gateway_on(three.url, tmp_path, far, Limits(), status="degraded")


async def test_a_server_that_hung_is_brought_what_it_missed(
    three: ClusterOf, tmp_path: Path, far: ProviderProcess
) -> None:
    """Its call in flight ends well and is charged once when it is back; the other companies' never waited."""
    hung = home(three, OTHER)
    async with gateway_on(three.url, tmp_path, far, Limits(timeouts=PATIENT)) as client:
        flying = asyncio.ensure_future(call(client, theirs=True, model="m:gate-0"))
        await at_the_gate(far, 1)
        hung.freeze()
        while client.app.gateway.store.state is not State.OPEN:
            assert (await call(client, theirs=True))[0] == 503
        ours = [await call(client, stream=n % 2 == 0) for n in range(6)]
        assert {status for status, _ in ours} == {200}
        await far.open()
        assert (await flying)[0] == 200
        assert client.app.gateway.store.state is State.OPEN
        hung.thaw()
        await ready(client)
        assert (await call(client, theirs=True))[0] == 200
        await client.app.gateway.ledger.drain(10)
        theirs = (await client.budgets(**THEIRS))["company"]
        assert (theirs["used"], theirs["held"]) == (2 * CALL, 0)
        assert await client.company() == (6 * CALL, 0)
