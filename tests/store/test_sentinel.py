"""A store under sentinels: the primary is found, lost, found again; nothing goes to a replica; charges stay right."""

import asyncio
import itertools
from collections.abc import Iterator

import pytest

from gateway.budget import Ledger
from gateway.errors import StoreRefused, StoreUnavailable
from gateway.store import open_store
from gateway.store.address import parse_address
from gateway.store.connection import Script, Store
from gateway.store.pipe import Pipe
from tests.budget.clock import ledger_at
from tests.budget.orders import COMPANY, NO_ROLLUP, budget, order
from tests.store.groups import HOST, Server, SetOf, sentinels, wait
from tests.store.servers import REDIS, VALKEY

COUNT = Script("return redis.call('INCR', KEYS[1])")


@pytest.fixture(scope="module", params=[VALKEY, REDIS], ids=["valkey", "redis7"])
def watched(request: pytest.FixtureRequest) -> Iterator[SetOf]:
    """Give a primary with two replicas under three sentinels."""
    if request.param is None:
        pytest.skip("no redis-server on PATH")
    with sentinels(request.param, replicas=2) as found:
        yield found


@pytest.fixture
async def store(watched: SetOf):
    """Give a store on its primary, empty."""
    store = Store.connect(watched.url)
    await store.execute("FLUSHALL")
    yield store
    await store.close()


async def until_it_counts(store: Store, key: str) -> int:
    """Count as soon as the store can; the test's own timeout is the limit."""
    while True:
        try:
            return await store.run(COUNT, [key], [])
        except StoreUnavailable:
            await asyncio.sleep(0.05)


def fail_over(watched: SetOf, away: Server) -> Server:
    """Wait until every sentinel names another primary than this; gives it."""
    for sentinel in watched.sentinels:
        wait(lambda one=sentinel: int(one("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "ledger")[1]) != away.port)
    return watched.primary


async def test_the_primary_is_found(store, watched):
    """Scripts, commands and pipelines go to whom the sentinels name; the address shows no more than the URL's hosts."""
    replies = await asyncio.gather(*(store.run(COUNT, ["n"], []) for _ in range(50)))
    assert sorted(replies) == list(range(1, 51))
    assert await store.execute("GET", "n") == b"50"
    assert await store.pipeline([("INCR", "n"), ("GET", "n")]) == [51, b"51"]
    assert watched.primary("GET", "n") == b"51"
    assert store.address == watched.url
    assert watched.primary.client.info("server")["run_id"] in store.epoch
    assert len(await store.nodes()) == 1


async def test_it_is_checked_and_signed(watched):
    """The gateway starts on the primary of a set."""
    async with open_store(watched.url, None) as store:
        assert await store.execute("GET", "schema") == b"1"


async def test_no_script_travels_to_a_replica(store, watched):
    """A connection that turns out to lead to a replica is not used, also where the replica would take writes."""
    replica = next(one for one in watched.servers if one is not watched.primary)
    replica("CONFIG", "SET", "replica-read-only", "no")
    pipe = Pipe(parse_address(f"redis://{HOST}:{replica.port}"))
    with pytest.raises(StoreUnavailable, match="it is a replica"):
        await pipe.run(COUNT, ["astray"], [])
    await pipe.close()
    replica("CONFIG", "SET", "replica-read-only", "yes")
    assert replica("EXISTS", "astray") == 0
    assert await store.execute("EXISTS", "astray") == 0


async def test_a_dead_sentinel_or_two_do_not_matter(watched):
    """One sentinel that answers is enough; none is an outage that says so."""
    _, _, last = watched.url.split(",")
    store = Store.connect(f"redis+sentinel://{HOST}:1,{HOST}:2,{last}")
    assert await until_it_counts(store, "dead sentinels") == 1
    await store.execute("DEL", "dead sentinels")
    await store.close()
    with pytest.raises(StoreUnavailable, match="its sentinels name no primary"):
        async with open_store(f"redis+sentinel://{HOST}:1,{HOST}:2/ledger", None):
            pass


async def test_what_is_no_sentinel_or_no_service_is_said(watched):
    """At a start, a server in place of a sentinel is refused, and a service nobody watches is not found."""
    with pytest.raises(StoreRefused, match="they are no sentinels"):
        async with open_store(f"redis+sentinel://{HOST}:{watched.primary.port}/ledger", None):
            pass
    with pytest.raises(StoreUnavailable, match="its sentinels name no primary"):
        async with open_store(watched.url.replace("/ledger", "/other"), None):
            pass


class Load:
    """Callers of one budget. `used` is what admitted calls took; who is not admitted tries as another call."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.budget = budget(-1)
        self.used: list[int] = []
        self._names = itertools.count()
        self._is_over = False

    async def last(self, seconds: float) -> int:
        """Go on for so long; gives how many calls were admitted."""
        self._is_over = False
        before = len(self.used)
        calling = [asyncio.create_task(self._caller(number + 1)) for number in range(8)]
        await asyncio.sleep(seconds)
        self._is_over = True
        await asyncio.gather(*calling)
        return len(self.used) - before

    async def _caller(self, tokens: int) -> None:
        while not self._is_over:
            try:
                lease = await self.ledger.reserve(order(f"call-{next(self._names)}", self.budget, prompt=7, want=10))
            except StoreUnavailable:
                await asyncio.sleep(0.02)
                continue
            self.used.append(tokens)
            self.ledger.settle(lease, [tokens], NO_ROLLUP)


async def test_charges_are_right_after_the_primary_was_lost(store, watched):
    """The primary falls silent under load and comes back as a replica: each call counts once.

    Callers whose reserve failed try as another call; settles are tried again until the new primary has them.
    """
    await asyncio.to_thread(wait, lambda: all(_is_in_step(one, watched) for one in watched.servers))
    ledger, _ = await ledger_at(store)
    load = Load(ledger)
    assert await load.last(0.5) > 0
    await ledger.drain(5)
    old = watched.primary
    await asyncio.to_thread(old, "WAIT", 2, 5000)
    old.freeze()
    assert await load.last(1.2) == 0
    new = await asyncio.to_thread(fail_over, watched, old)
    assert await until_it_counts(store, "again") == 1
    old.thaw()
    while not await load.last(0.5):
        pass
    await asyncio.to_thread(wait, lambda: old.client.info("replication")["role"] == "slave")
    assert await ledger.drain(20) == 0
    (level,) = await ledger.read(COMPANY, [load.budget])
    assert level.used == sum(load.used)
    assert new("EXISTS", "again") == 1


def _is_in_step(server: Server, watched: SetOf) -> bool:
    info = server.client.info("replication")
    return server is watched.primary or info.get("master_link_status") == "up"


async def test_a_primary_without_replicas_takes_no_writes(store, watched):
    """With min-replicas-to-write a primary that is cut off refuses (NOREPLICAS): an outage, and nothing written."""
    primary = watched.primary
    primary("CONFIG", "SET", "min-replicas-to-write", 3)
    with pytest.raises(StoreUnavailable, match="NOREPLICAS"):
        await store.run(COUNT, ["alone"], [])
    primary("CONFIG", "SET", "min-replicas-to-write", 0)
    assert await until_it_counts(store, "alone") == 1


async def test_a_planned_failover_is_followed(store, watched):
    """When the primary becomes a replica, calls go to the new one, in a new epoch that is told."""
    epochs: list[str] = []
    store.on_new_epoch.append(epochs.append)
    assert await store.run(COUNT, ["n"], []) == 1
    before, old = store.epoch, watched.primary
    await asyncio.to_thread(old, "WAIT", 2, 5000)
    watched.sentinels[0]("SENTINEL", "FAILOVER", "ledger")
    new = await asyncio.to_thread(fail_over, watched, old)
    while store.epoch == before:  # the old primary goes on as one for some seconds
        await until_it_counts(store, "n")
    count = await store.run(COUNT, ["n"], [])
    assert new("GET", "n") == str(count).encode()
    assert new.client.info("server")["run_id"] in store.epoch == epochs[-1]
