"""A store that is a cluster: real servers, real slot moves, and scripts that run once wherever their slot is."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from gateway.budget import reaper
from gateway.errors import StoreRefused, StoreUnavailable
from gateway.model import Increment, Rollup
from gateway.store import open_store
from gateway.store.connection import CommandRefused, Script, Store
from gateway.store.shards import SHARDS, prefixes
from gateway.store.slots import slot_of_key
from tests.budget.clock import ledger_at
from tests.budget.orders import COMPANY, SHARD, budget, order
from tests.store.groups import ClusterOf, Server, cluster, serving, wait
from tests.store.servers import DURABLE, REDIS, VALKEY

COUNT = Script("return redis.call('INCR', KEYS[1])")
COUNT_TWO = Script("redis.call('INCR', KEYS[2]) return redis.call('INCR', KEYS[1])")
KEY = "{q7}:n"
OTHER = "{q7}:m"
SLOT = slot_of_key(KEY)


@pytest.fixture(scope="module", params=[VALKEY, REDIS], ids=["valkey", "redis7"])
def cluster_of_three(request: pytest.FixtureRequest) -> Iterator[ClusterOf]:
    """Give a cluster of each kind in turn; its slots are moved about."""
    if request.param is None:
        pytest.skip("no redis-server on PATH")
    with cluster(request.param) as found:
        yield found


@pytest.fixture
async def store(cluster_of_three: ClusterOf) -> AsyncIterator[Store]:
    """Give the cluster of this process, empty."""
    store = Store.connect(cluster_of_three.url)
    await store.on_every_node("FLUSHALL")
    await store.on_every_node("SCRIPT FLUSH")
    yield store
    await store.close()


@pytest.fixture
def moving(store: Store, cluster_of_three: ClusterOf) -> Iterator[tuple[Server, Server]]:
    """Give the holder of SLOT, with OTHER in it, and the primary it is moving to; the move is ended afterwards."""
    del store  # emptied before
    cluster_of_three.holder(SLOT)("SET", OTHER, 10)
    to = next(one for one in cluster_of_three.primaries if one is not cluster_of_three.holder(SLOT))
    holder = cluster_of_three.begin_move(SLOT, to)
    yield holder, to
    while cluster_of_three.move_keys(SLOT, holder, to, 100):
        pass
    cluster_of_three.end_move(SLOT, holder, to)
    for one in cluster_of_three.primaries:
        wait(lambda one=one: _holds(one, SLOT, to))


def _holds(asked: Server, slot: int, holder: Server) -> bool:
    rows = asked("CLUSTER SLOTS")
    return any(first <= slot <= last and primary[1] == holder.port for first, last, primary, *_ in rows)


async def test_each_shard_lives_where_its_slot_does(store, cluster_of_three):
    """Scripts and commands of all 256 shards find their servers, from a URL that names some of them."""
    counts = await asyncio.gather(*(store.run(COUNT, [f"{shard}n"], []) for shard in prefixes()))
    assert counts == [1] * SHARDS
    assert await store.pipeline([("GET", f"{shard}n") for shard in prefixes()]) == [b"1"] * SHARDS
    assert [await store.execute("INCR", f"{shard}n") for shard in prefixes()] == [2] * SHARDS
    sizes = [one("DBSIZE") for one in cluster_of_three.primaries]
    assert sum(sizes) == SHARDS
    assert min(sizes) > 0
    assert await store.on_every_node("SCRIPT EXISTS", COUNT.sha1) == [[True]] * 3


async def test_a_dead_seed_does_not_matter(store, cluster_of_three):
    """One server of the URL that answers is enough."""
    other = Store.connect("redis+cluster://127.0.0.1:1," + cluster_of_three.url.rpartition(",")[2])
    assert await other.run(COUNT, [KEY], []) == 1
    assert await store.execute("GET", KEY) == b"1"
    await other.close()


async def test_a_moved_slot_is_followed(store, cluster_of_three, moving):
    """After a slot has moved, what goes to its old server goes to the new one, once, and later at once."""
    holder, to = moving
    assert await store.run(COUNT, [KEY], []) == 1
    while cluster_of_three.move_keys(SLOT, holder, to, 100):
        pass
    cluster_of_three.end_move(SLOT, holder, to)
    replies = await asyncio.gather(*(store.run(COUNT, [KEY], []) for _ in range(50)))
    assert sorted(replies) == list(range(2, 52))
    assert await store.execute("GET", KEY) == b"51"
    assert await store.pipeline([("GET", KEY), ("INCR", KEY)]) == [b"51", 52]
    holder("CONFIG", "RESETSTAT")
    assert await store.run(COUNT, [KEY], []) == 53
    assert "errorstat_MOVED" not in holder.client.info("errorstats")


async def test_a_key_that_is_not_there_yet_is_asked_for_at_the_new_server(store, moving):
    """While a slot moves, a script on a new key runs where the slot goes to, loaded there; old keys stay."""
    holder, to = moving
    assert await store.run(COUNT, [KEY], []) == 1
    assert await store.run(COUNT, [OTHER], []) == 11
    assert await store.execute("INCR", "{q7}:new") == 1
    assert await store.pipeline([("INCR", OTHER), ("INCR", "{q7}:newer")]) == [12, 1]
    assert sorted(to("CLUSTER", "GETKEYSINSLOT", SLOT, 10)) == sorted([KEY.encode(), b"{q7}:new", b"{q7}:newer"])
    assert holder("CLUSTER", "GETKEYSINSLOT", SLOT, 10) == [OTHER.encode()]


async def test_a_script_whose_keys_are_apart_waits(store, cluster_of_three, moving):
    """While its keys are on two servers a script is tried again; once they are together it has run once."""
    holder, to = moving
    running_ = asyncio.gather(*(store.run(COUNT_TWO, [KEY, OTHER], []) for _ in range(20)))
    await asyncio.sleep(0.1)
    assert not running_.done()
    while cluster_of_three.move_keys(SLOT, holder, to, 1):
        pass
    cluster_of_three.end_move(SLOT, holder, to)
    assert sorted(await running_) == list(range(1, 21))
    assert await store.execute("GET", OTHER) == b"30"


async def test_a_move_that_takes_too_long_is_an_outage(store, moving):
    """Keys that stay apart are given up within the timeout: nothing has run."""
    holder, _ = moving
    with pytest.raises(StoreUnavailable, match="its data is being moved"):
        await store.run(COUNT_TWO, [KEY, OTHER], [])
    with pytest.raises(StoreUnavailable, match="its data is being moved"):
        await store.execute("MSET", KEY, 1, OTHER, 1)
    assert holder("GET", OTHER) == b"10"


async def test_a_script_that_does_not_compile_is_a_mistake(store):
    """In a cluster too it is refused as what it is, not sent round."""
    with pytest.raises(CommandRefused):
        await store.run(Script("not lua"), [KEY], [])


async def test_calls_are_charged_once_while_their_slot_moves(store, cluster_of_three):
    """A company's slot moves to and fro under load, key by key: what is charged is what was used, on every budget."""
    ledger, _ = await ledger_at(store)
    one = budget(-1)
    slot, used, stop = slot_of_key(SHARD), [], asyncio.Event()

    async def caller(number: int) -> None:
        count = 0
        while not stop.is_set():
            count += 1
            try:
                lease = await ledger.reserve(order(f"{number}-{count}", one, prompt=7, want=10))
            except StoreUnavailable:
                continue
            used.append(number + 1)
            plan = Rollup((Increment(f"{SHARD}u:truth", "tokens", number + 1),), (), 1000)
            ledger.settle(lease, [number + 1], plan)

    calling = [asyncio.create_task(caller(number)) for number in range(8)]
    moves = 0
    for _ in range(4):
        to = next(server for server in cluster_of_three.primaries if server is not cluster_of_three.holder(slot))
        await asyncio.to_thread(_move, cluster_of_three, slot, to)
        moves += 1
        before = len(used)
        while len(used) < before + 50:  # noqa: ASYNC110 - callers set no event
            await asyncio.sleep(0.01)
    stop.set()
    await asyncio.gather(*calling)
    assert await ledger.drain(20) == 0
    assert await reaper.sweep(ledger, store) == 0
    (level,) = await ledger.read(COMPANY, [one])
    assert (level.used, level.held) == (sum(used), 0)
    assert int(await store.execute("HGET", f"{SHARD}u:truth", "tokens")) == sum(used)
    assert moves == 4


async def test_a_slot_that_moves_whole_is_followed_without_a_refusal(store, cluster_of_three):
    """Valkey 9 moves a slot at once (CLUSTER MIGRATESLOTS): scripts of several keys go on, each runs once."""
    holder = cluster_of_three.holder(SLOT)
    if "valkey_version" not in holder.client.info("server"):
        pytest.skip("only Valkey 9 moves slots whole")
    to = next(one for one in cluster_of_three.primaries if one is not holder)
    counted, stop = [], asyncio.Event()

    async def keep_counting() -> None:
        while not stop.is_set():
            counted.append(await store.run(COUNT_TWO, [KEY, OTHER], []))

    counting = [asyncio.create_task(keep_counting()) for _ in range(4)]
    holder("CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", SLOT, SLOT, "NODE", cluster_of_three.id_of(to))
    for one in cluster_of_three.primaries:
        await asyncio.to_thread(wait, lambda one=one: _holds(one, SLOT, to))
    before = len(counted)
    while len(counted) < before + 20 and not any(task.done() for task in counting):  # noqa: ASYNC110 - they set none
        await asyncio.sleep(0.01)
    stop.set()
    await asyncio.gather(*counting)
    assert sorted(counted) == list(range(1, len(counted) + 1))
    assert await store.execute("GET", OTHER) == str(len(counted)).encode()


def _move(of: ClusterOf, slot: int, to: Server) -> None:
    """Move a slot the way operators' tools do: a few keys at a time, until none is left."""
    holder = of.begin_move(slot, to)
    while of.move_keys(slot, holder, to, 5):
        pass
    of.end_move(slot, holder, to)
    for one in of.primaries:
        wait(lambda one=one: _holds(one, slot, to))


async def test_a_dead_server_takes_its_shards_along_until_its_replica_is_there():
    """The other shards go on; when its replica has become a primary its own do too, in another epoch."""
    with cluster(VALKEY, "--cluster-require-full-coverage", "no", primaries=3, replicas=3) as group:
        store = Store.connect(group.url)
        epochs: list[str] = []
        store.on_new_epoch.append(epochs.append)
        names = {group.holder(slot_of_key(shard)).port: f"{shard}n" for shard in prefixes()}
        dead = group.primaries[2]
        here, there = names[dead.port], names[group.primaries[0].port]
        assert [await store.run(COUNT, [here], []), await store.run(COUNT, [there], [])] == [1, 1]
        before = store.epoch
        assert epochs[-1] == before
        await asyncio.to_thread(dead, "WAIT", 1, 5000)
        dead.kill()
        with pytest.raises(StoreUnavailable):
            await store.run(COUNT, [here], [])
        assert await store.run(COUNT, [there], []) == 2
        assert await _sooner_or_later(store, here) == 2
        assert store.epoch != before
        assert epochs[-1] == store.epoch
        assert [await store.run(COUNT, [there], []), await store.execute("GET", here)] == [3, b"2"]
        await store.close()


async def _sooner_or_later(store: Store, key: str) -> int:
    while True:
        try:
            return await store.run(COUNT, [key], [])
        except StoreUnavailable:
            await asyncio.sleep(0.05)


async def test_a_cluster_that_is_down_is_an_outage():
    """With a slot unserved and full coverage wanted, every server answers CLUSTERDOWN: 503, and no start."""
    with cluster(VALKEY, primaries=3) as group:
        store = Store.connect(group.url)
        assert await store.run(COUNT, [KEY], []) == 1
        for one in group.primaries:
            one("CLUSTER", "DELSLOTS", 0)
        for one in group.primaries:
            wait(lambda one=one: b"cluster_state:fail" in _bytes(one("CLUSTER INFO")))
        with pytest.raises(StoreUnavailable, match="CLUSTERDOWN"):
            await store.run(COUNT, [KEY], [])
        with pytest.raises(StoreUnavailable, match="CLUSTERDOWN"):
            await store.execute("GET", KEY)
        await store.close()
        with pytest.raises(StoreRefused, match="the cluster is not complete: 16383 of 16384 slots"):
            async with open_store(group.url, None):
                pass


def _bytes(reply: object) -> bytes:
    if isinstance(reply, dict):
        return "\n".join(f"{key}:{value}" for key, value in reply.items()).encode()
    assert isinstance(reply, bytes)
    return reply


async def test_every_server_of_a_cluster_is_checked(store, cluster_of_three):
    """A sound cluster is signed once; one server with a wrong setting is named, with what to change."""
    async with open_store(cluster_of_three.url, None) as opened:
        assert await opened.execute("GET", "schema") == b"1"
    wrong = cluster_of_three.primaries[1]
    wrong("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    with pytest.raises(StoreRefused) as refused:
        async with open_store(cluster_of_three.url, None):
            pass
    wrong("CONFIG", "SET", "maxmemory-policy", "noeviction")
    assert f"redis://127.0.0.1:{wrong.port}: it may evict budgets" in str(refused.value)
    assert str(refused.value).count("may evict") == 1


async def test_keys_without_a_signature_are_found_on_any_server(store, cluster_of_three):
    """Data of ours that nobody signed is refused, whichever server it is on."""
    for shard in prefixes()[:3]:
        await store.execute("SET", f"{shard}b:x", 1)
        with pytest.raises(StoreRefused, match="layout 0"):
            async with open_store(cluster_of_three.url, None):
                pass
        await store.execute("DEL", f"{shard}b:x")


async def test_a_url_of_the_wrong_kind_is_refused(cluster_of_three):
    """A single server is no cluster, and a cluster's server is no single one."""
    port = cluster_of_three.primaries[0].port
    with pytest.raises(StoreRefused, match=r"redis\+cluster://"):
        async with open_store(f"redis://127.0.0.1:{port}", None):
            pass
    with serving(VALKEY, *DURABLE) as single, pytest.raises(StoreRefused, match="its servers are not in cluster mode"):
        async with open_store(f"redis+cluster://127.0.0.1:{single.port}", None):
            pass
    with pytest.raises(StoreUnavailable, match="no server of the cluster can be found"):
        async with open_store("redis+cluster://127.0.0.1:1,127.0.0.1:2", None):
            pass
