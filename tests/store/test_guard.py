"""One breaker for everybody: while it is open, whoever asks the store fails at once; it is probed, and comes back."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.budget import Ledger, reaper, script
from gateway.budget.late import charged_among
from gateway.budget.seen import seen_in
from gateway.errors import StoreUnavailable
from gateway.model import Level
from gateway.store import tending
from gateway.store.border import StoreFull
from gateway.store.breaker import State
from gateway.store.connection import Script, Store
from gateway.store.part import Part
from gateway.store.tending import Tending
from gateway.usage.queries import credits_by_day, days
from gateway.warnings.outbox import Outbox
from tests.budget.clock import ledger_at
from tests.budget.orders import COMPANY, SHARD, budget, order
from tests.store.restartable import Eater, Restartable, eating, restartable
from tests.store.servers import until
from tests.store.test_permissions import TODAY

COUNT = Script("return redis.call('INCR', KEYS[1])")


@pytest.fixture
def server(tmp_path: Path):
    """Give a server that a test stops and goes on with."""
    with restartable(tmp_path / "store") as one:
        yield one


@pytest.fixture
async def watched(server: Restartable) -> AsyncIterator[tuple[Store, Eater]]:
    """Give a store whose breaker may open, and what stands before its server and sees all that is sent."""
    async with eating(server) as (eater, url):
        store = Store.connect(url)
        yield store, eater
        await store.close()


@asynccontextmanager
async def tended(store: Store, recover=tending.nothing, look_after=tending.nothing) -> AsyncIterator[Tending]:
    """Have the store tended, by somebody who does this when it is back."""
    one = Tending(store, recover, look_after)
    task = asyncio.ensure_future(one.run())
    yield one
    task.cancel()
    await asyncio.wait({task})


async def usage_of(store: Store) -> None:
    """Read a day's usage."""
    _ = [record async for record in days(store, COMPANY, TODAY, TODAY)]


USERS: dict[str, Callable[[Store], Awaitable[object]]] = {
    "a command": lambda store: store.execute("GET", f"{SHARD}x"),
    "one without a key": lambda store: store.execute("INFO"),
    "a pipeline": lambda store: store.pipeline([("GET", f"{SHARD}x")]),
    "a script": lambda store: store.run(COUNT, [f"{SHARD}x"], []),
    "a read of budgets": lambda store: Ledger(store, script.load(), lease_seconds=60).read(COMPANY, [budget(1)]),
    "usage": usage_of,
    "a credit bill": lambda store: credits_by_day(store, COMPANY, TODAY, TODAY),
    "a quota's user": lambda store: seen_in(store, "ada", [COMPANY]),
    "a warning": lambda store: Outbox(store, lease_seconds=5).mark(
        COMPANY, Level(budget(9), 9, 9, 0, None), (80,), "x", b""
    ),
    "warnings that wait": lambda store: Outbox(store, lease_seconds=5).shards(),
    "late charges": lambda store: charged_among(store, SHARD, ["x"], 0),
}


@pytest.mark.parametrize("user", USERS)
async def test_everybody_fails_at_once_while_it_is_open(watched: tuple[Store, Eater], user: str) -> None:
    """The same words, with when to come back, and nothing is sent to a server that would not answer."""
    store, eater = watched
    await USERS[user](store)
    store.arm()
    (part,) = store.parts()
    part.breaker.trip()
    before = len(eater.seen)
    with pytest.raises(StoreUnavailable, match="has not answered several times") as away:
        await USERS[user](store)
    assert away.value.headers == {"Retry-After": "1"}
    assert len(eater.seen) == before


async def test_a_sweep_tells_what_it_could_not_look_at(watched: tuple[Store, Eater], capsys) -> None:
    """It fails nobody, and asks nothing."""
    store, eater = watched
    store.arm()
    store.parts()[0].breaker.trip()
    assert await reaper.sweep(Ledger(store, script.load(), lease_seconds=60), store) == 0
    assert eater.seen == []
    assert "sweep_failed" in capsys.readouterr().out


@pytest.mark.parametrize("user", ["a command", "a pipeline", "a script", "usage", "a warning"])
async def test_everybody_s_failures_open_it(server: Restartable, watched: tuple[Store, Eater], user: str) -> None:
    """Three in a row, whoever asked."""
    store, _ = watched
    await USERS[user](store)
    store.arm()
    (part,) = store.parts()
    part.breaker.close()
    server.kill()
    for _ in range(3):
        assert part.breaker.is_closed
        with pytest.raises(StoreUnavailable):
            await USERS[user](store)
        await asyncio.sleep(0.06)  # what fails together counts once
    assert part.breaker.is_open


async def test_an_outage_is_seen_where_nobody_calls(server: Restartable, watched: tuple[Store, Eater]) -> None:
    """The part is asked each second, so an idle gateway tells the truth too; and then it comes back."""
    store, _ = watched
    async with tended(store):
        await until(lambda: store.state is State.CLOSED)
        server.kill()
        await until(lambda: store.state is State.OPEN)
        server.start()
        await until(lambda: store.state is State.CLOSED)
        assert await store.run(COUNT, ["n"], []) == 1


async def test_it_is_probed_by_one_at_a_time(server: Restartable, watched) -> None:
    """While it is open one write that changes nothing is all that is sent."""
    store, eater = watched
    async with tended(store):
        await until(lambda: store.state is State.CLOSED)
        with server.stopped():
            store.parts()[0].breaker.trip()
            del eater.seen[:]
            await until(lambda: eater.seen)
            assert b"".join(eater.seen).count(b"ZADD") == len(eater.seen) == 1
        await until(lambda: store.state is State.CLOSED)
    assert await store.execute("KEYS", "*") == []


async def test_it_closes_only_when_all_has_been_brought(server: Restartable, watched) -> None:
    """A probe, then what the process knows, then calls; what fails meanwhile opens it again."""
    store, _ = watched
    bringing, failing = asyncio.Event(), True

    async def recover(part: Part) -> None:
        assert part.breaker.state is State.RECOVERING
        assert part.epoch
        await bringing.wait()
        if failing:
            raise StoreUnavailable("gone again")

    async with tended(store, recover):
        await until(lambda: store.state is State.RECOVERING and store.epoch)
        assert not await store.admits(SHARD, 0.05)
        assert await store.execute("GET", f"{SHARD}x") is None  # readers need not wait
        bringing.set()
        await until(lambda: store.state is State.OPEN)
        failing = False
        await until(lambda: store.state is State.CLOSED)
        assert await store.admits(SHARD)


async def test_a_defect_in_a_part_s_care_ends_it_for_a_moment(watched, capsys) -> None:
    """While it brings and while it looks after: told, the breaker open where not all was brought, and begun again."""
    store, _ = watched
    (part,) = store.parts()
    states, looks = [], 0

    async def recover(part: Part) -> None:
        states.append(part.breaker.state)
        if len(states) == 1:
            raise KeyError("a record of which something is missing")

    async def look_after(_part: Part) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise PermissionError(13, "a file that cannot be removed")

    opened = []
    store.on_change.append(lambda: opened.append(part.breaker.is_open))
    async with tended(store, recover, look_after):
        await until(lambda: store.state is State.CLOSED)
        assert states == [State.RECOVERING] * 2
        assert True in opened
        await until(lambda: looks == 2)
        assert store.state is State.CLOSED
    told = capsys.readouterr().out
    assert told.count("store_care_failed") == 2
    assert "something is missing" in told
    assert "cannot be removed" in told


async def test_a_state_that_is_told_by_a_script_counts_too(server: Restartable, watched) -> None:
    """A server that became a replica runs scripts and refuses their writes: three such answers open it."""
    store, _ = watched
    ledger, _ = await ledger_at(store)
    store.arm()
    (part,) = store.parts()
    part.breaker.close()
    await ledger.read(COMPANY, [budget(100)])  # a connection that is there stays
    aside = Store.connect(server.url)
    await aside.execute("REPLICAOF", "127.0.0.1", 1)
    count = 0
    while not part.breaker.is_open:
        with pytest.raises(StoreUnavailable, match="READONLY"):
            await ledger.reserve(order(f"call-{count}", budget(100), prompt=1))
        count += 1
        await asyncio.sleep(0.06)
    assert count <= 3  # what is released behind counts as well
    with pytest.raises(StoreUnavailable, match="READONLY"):
        await store.probe(part)
    await aside.execute("REPLICAOF", "NO", "ONE")
    await store.probe(part)
    part.breaker.close()
    await ledger.drain(5)
    await aside.close()


async def test_a_full_store_is_asked_on(watched) -> None:
    """Out of memory it takes no new hold, so it is not ready; but what ends is still charged, so it stays closed."""
    store, _ = watched
    ledger, _ = await ledger_at(store)
    store.arm()
    (part,) = store.parts()
    part.breaker.close()
    await store.execute("CONFIG", "SET", "maxmemory", 1)
    for count in range(5):
        with pytest.raises(StoreFull):
            await store.ready()
        with pytest.raises(StoreUnavailable, match="OOM"):
            await ledger.reserve(order(f"call-{count}", budget(100), prompt=1))
        await asyncio.sleep(0.06)
    assert part.breaker.is_closed
    await store.execute("CONFIG", "SET", "maxmemory", 0)
    assert await store.ready()
    await ledger.drain(5)
