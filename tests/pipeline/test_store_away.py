"""The store away and back, with real servers killed under real calls: the ledger comes to what the far end served."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.store.breaker import State
from gateway.store.connection import Store
from tests.gateways import Client, Limits, gateway_running
from tests.provider.process import ProviderProcess
from tests.store.restartable import Restartable, eating, restartable
from tests.store.servers import until

PROMPT, ANSWER = 9, 12
CALL = PROMPT + ANSWER


@pytest.fixture
def server(tmp_path: Path):
    """Give a server with every answer on the disk."""
    with restartable(tmp_path / "store") as one:
        yield one


@asynccontextmanager
async def gateway_on(
    url: str, tmp_path: Path, far: ProviderProcess, limits: Limits, status: str = "ready"
) -> AsyncIterator[Client]:
    """Give a client of a gateway on the store at a URL, once it says this."""
    store = Store.connect(url)
    try:
        async with gateway_running(store, tmp_path, far.base_url, replace(limits, store_url=f'"{url}"')) as client:
            await ready(client, status)
            yield client
    finally:
        await store.close()


async def call(client: Client, model: str = "m:", **body: Any) -> int:
    """Make a call to its end; gives the status."""
    async with client.chat(model, **body) as answer:
        await answer.read()
        return answer.status


async def ready(client: Client, status: str = "ready") -> None:
    """Wait until calls are admitted with the store; the test's own timeout is the limit."""
    while True:
        async with client.get("/readyz") as answer:
            if (await answer.json()).get("status") == status:
                return
        await asyncio.sleep(0.02)


def is_open(client: Client) -> bool:
    """Whether the breaker is."""
    return client.app.gateway.store.state is State.OPEN


async def opened(client: Client) -> None:
    """Wait until the breaker is open: calls that fail open it."""
    while not is_open(client):
        await call(client)
        await asyncio.sleep(0.06)


async def at_the_gate(far: ProviderProcess, count: int) -> None:
    """Wait until so many requests are being served."""
    while (await far.served())["running"] < count:  # noqa: ASYNC110 - another process sets no event
        await asyncio.sleep(0.01)


async def truth(far: ProviderProcess) -> int:
    """Give what the far end served, in tokens."""
    await far.settled()
    return sum(one["prompt_tokens"] + one["completion_tokens"] for one in await far.log())


def counted(client: Client, name: str) -> float:
    """Give a metric's value."""
    value = client.app.gateway.metrics.registry.get_sample_value(name)
    assert value is not None
    return value


# ---------------------------------------------------------------- closed


async def test_a_store_that_is_killed_under_calls_loses_and_doubles_none(
    server: Restartable, tmp_path: Path, far: ProviderProcess
) -> None:
    """Calls in flight end well, new ones get 503 and go nowhere, and what was used is charged when it is back."""
    async with gateway_on(server.url, tmp_path, far, Limits(enforcement="soft")) as client:
        flying = [asyncio.ensure_future(call(client, "m:gate-0", stream=n % 2 == 0)) for n in range(6)]
        await at_the_gate(far, 6)
        server.kill()
        await opened(client)
        async with client.chat() as answer:
            assert (answer.status, answer.headers["Retry-After"]) == (503, "1")
        async with client.get("/readyz") as answer:
            assert answer.status == 503
        await far.open()
        assert await asyncio.gather(*flying) == [200] * 6
        assert len(await far.log()) == 6
        server.start()
        await ready(client)
        assert await call(client) == 200
        assert await client.company() == (await truth(far), 0) == (7 * CALL, 0)
        assert counted(client, "gateway_charges_replayed_total") == 6


async def test_holds_of_calls_in_flight_are_made_anew(
    server: Restartable, tmp_path: Path, far: ProviderProcess
) -> None:
    """A store that comes back empty is told what is held, over the limit if need be, before it admits anything."""
    async with gateway_on(server.url, tmp_path, far, Limits(company_tokens=2000)) as client:
        flying = [asyncio.ensure_future(call(client, "m:gate-0")) for _ in range(2)]
        await at_the_gate(far, 2)
        held = (await client.budgets())["company"]["held"]
        assert 1000 < held < 2000
        server.kill()
        await opened(client)
        server.cut(0)
        server.start()
        await ready(client)
        assert (await client.budgets())["company"]["held"] == held
        assert await call(client) == 429
        await far.open()
        assert await asyncio.gather(*flying) == [200, 200]
        assert await client.company() == (await truth(far), 0)


async def test_an_open_breaker_asks_the_store_nothing(
    server: Restartable, tmp_path: Path, far: ProviderProcess
) -> None:
    """A store that hangs costs the first calls a second each, and the next ones nothing: they are not even queued."""
    async with gateway_on(server.url, tmp_path, far, Limits()) as client:
        with server.stopped():
            await opened(client)
            store = client.app.gateway.store
            for _ in range(20):
                assert await call(client) == 503
            assert not store._commands or len(store._commands) == 1  # a probe at most
        await ready(client)
        assert await call(client) == 200
        assert await client.company() == (CALL, 0)


async def test_replies_that_are_lost_double_nothing(server: Restartable, tmp_path: Path, far: ProviderProcess) -> None:
    """Reserves and settles whose replies are eaten arrive once, however often they were sent."""
    async with eating(server) as (eater, url), gateway_on(url, tmp_path, far, Limits()) as client:
        for what in (b"settle", b"reserve", b"EVALSHA"):
            eater.eats = what
            before = eater.eaten
            statuses = await asyncio.gather(*(call(client) for _ in range(5)))
            assert set(statuses) <= {200, 503}
            await until(lambda before=before: eater.eaten > before)
            eater.eats = b""
            await ready(client)
        await until(lambda: not is_open(client) and not counted_open(client))
        assert await client.company() == (await truth(far), 0)


def counted_open(client: Client) -> float:
    """Give how many calls the store has not answered for."""
    return counted(client, "gateway_journal_calls_open")


async def test_a_power_cut_that_takes_the_last_second_along_is_made_good(tmp_path: Path, far: ProviderProcess) -> None:
    """With `everysec` the store forgets what it acknowledged last: it is told again, once."""
    with restartable(tmp_path / "store", "everysec") as server:
        async with gateway_on(server.url, tmp_path, far, Limits()) as client:
            assert await call(client) == 200
            await client.company()
            before = server.log_bytes
            assert await asyncio.gather(*(call(client, stream=n % 2 == 0) for n in range(8))) == [200] * 8
            await client.company()
            while server.log_bytes <= before:  # noqa: ASYNC110 - while a sync is slow the store answers before it writes
                await asyncio.sleep(0.05)
            server.kill()
            server.cut(before)
            server.start()
            while await call(client) != 200:  # noqa: ASYNC110 - the store sets no event
                await asyncio.sleep(0.05)
            await ready(client)
            assert await client.company() == (await truth(far), 0)
            # The first call's charge is one more where that, too, was written after its answer.
            assert 8 <= counted(client, "gateway_charges_replayed_total") <= 9


# ---------------------------------------------------------------- grace and open


async def test_grace_is_bounded_and_settled_on_return(
    server: Restartable, tmp_path: Path, far: ProviderProcess
) -> None:
    """Each company may take its allowance and no more; what was used is charged when the store is back."""
    store = ", on_failure: grace, grace_tokens: 900"
    async with gateway_on(server.url, tmp_path, far, Limits(store=store)) as client:
        server.kill()
        while not is_open(client):
            assert await call(client) in {200, 503}
            await asyncio.sleep(0.06)
        statuses = [await call(client) for _ in range(30)]
        assert statuses[-1] == 503
        async with client.chat() as answer:
            assert "RateLimit" not in answer.headers
        served = await truth(far)
        assert 0 < served <= 900
        async with client.get("/readyz") as answer:
            assert (answer.status, await answer.json()) == (200, {"status": "degraded"})
        server.start()
        await ready(client)
        assert await client.company() == (served, 0)
        assert counted(client, "gateway_calls_without_store_total") == len(await far.log())
        assert counted(client, "gateway_grace_tokens_total") >= served
        assert await call(client) == 200


async def test_open_forwards_everything_and_counts_it(
    server: Restartable, tmp_path: Path, far: ProviderProcess
) -> None:
    """Calls go on, their headers without numbers; those that outlive the outage are held again; all are charged."""
    async with gateway_on(server.url, tmp_path, far, Limits(store=", on_failure: open", daily=40)) as client:
        server.kill()
        assert [await call(client) for _ in range(10)] == [200] * 10
        flying = asyncio.ensure_future(call(client, "m:gate-0.tokens-20", stream=True))
        await at_the_gate(far, 1)
        async with client.chat() as answer:
            assert (answer.status, "RateLimit" in answer.headers) == (200, False)
        server.start()
        await ready(client)
        assert (await client.budgets())["company"]["held"] > 0
        assert await call(client) == 429
        await far.open()
        assert await flying == 200
        assert await client.company() == (await truth(far), 0)


async def test_what_a_gateway_left_is_charged_by_the_next(
    server: Restartable, tmp_path: Path, far: ProviderProcess
) -> None:
    """A gateway that ends while the store is away leaves its charges on the disk; the next one brings them."""
    limits = Limits(store=", on_failure: open")
    async with gateway_on(server.url, tmp_path, far, limits) as client:
        server.kill()
        assert [await call(client) for _ in range(5)] == [200] * 5
    assert list((tmp_path / "data" / "journal").glob("*.journal")) != []
    server.start()
    async with gateway_on(server.url, tmp_path, far, limits) as client:
        assert await client.company() == (await truth(far), 0) == (5 * CALL, 0)
    async with gateway_on(server.url, tmp_path, far, limits) as client:
        assert await client.company() == (5 * CALL, 0)
