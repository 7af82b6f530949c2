"""Clusters and sentinel sets over TLS: the URL's authority has to have signed the name of every server found."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from gateway.errors import StoreRefused, StoreUnavailable
from gateway.store import open_store
from gateway.store.connection import Script, Store
from gateway.store.shards import prefixes
from gateway.store.slots import slot_of_key
from tests.store.groups import (
    SERVICE,
    TLS_PORT,
    ClusterOf,
    Server,
    SetOf,
    _is_linked,
    cluster,
    knows,
    ready,
    sentinel,
    serving,
    wait,
)
from tests.store.servers import DURABLE, REDIS

COUNT = Script("return redis.call('INCR', KEYS[1])")
TLS = Path(__file__).parent / "tls"
"""`peer.pem` is signed for `localhost` by `ca.pem`, for who is asked and for who asks."""
PEM, CA = str(TLS / "peer.pem"), str(TLS / "ca.pem")
FILES = ("--tls-port", TLS_PORT, "--tls-cert-file", PEM, "--tls-key-file", PEM, "--tls-ca-cert-file", CA)
OPTIONS = f"?ssl_ca_certs={CA}&ssl_certfile={PEM}&ssl_keyfile={PEM}"
STRANGERS = {
    "without the authority": ("localhost", f"?ssl_certfile={PEM}&ssl_keyfile={PEM}"),
    "by a name that was not signed": ("127.0.0.1", OPTIONS),
    "without a certificate of ours": ("localhost", f"?ssl_ca_certs={CA}"),
}


def redis() -> str:
    """Give the server that speaks TLS."""
    if REDIS is None:
        pytest.skip("no redis-server on PATH")
    return REDIS


@pytest.fixture(scope="module")
def three() -> Iterator[ClusterOf]:
    """Give a cluster whose servers announce themselves as `localhost`, and want a certificate of who asks."""
    names = ("--cluster-announce-hostname", "localhost", "--cluster-preferred-endpoint-type", "hostname")
    with cluster(redis(), *FILES, "--tls-cluster", "yes", "--tls-replication", "yes", *names) as found:
        yield found


@pytest.fixture(scope="module")
def watched() -> Iterator[SetOf]:
    """Give a primary and a replica under three sentinels that know each other by the name `localhost`."""
    flags = (*FILES, "--tls-replication", "yes")
    announced = (*flags, *DURABLE, "--repl-diskless-sync-delay", "0", "--replica-announce-ip", "localhost")

    def start(own: ExitStack) -> SetOf:
        first = own.enter_context(serving(redis(), *announced))
        follower = own.enter_context(serving(redis(), *announced, "--replicaof", "localhost", str(first.tls_port)))
        wait(lambda: _is_linked(follower))
        watching = [own.enter_context(watching_at(first.tls_port, flags)) for _ in range(3)]
        for one in watching:
            wait(lambda one=one: knows(one, 1, others=2))
        return SetOf([first, follower], watching)

    with ExitStack() as stack:
        yield ready(start, stack)


def watching_at(port: int, flags: Sequence[str]) -> AbstractContextManager[Server]:
    """Start a sentinel that knows and tells names, not addresses: certificates are for names."""
    names = ("sentinel resolve-hostnames yes", "sentinel announce-hostnames yes", "sentinel announce-ip localhost")
    return sentinel(redis(), port, 1000, *names, host="localhost", flags=flags)


def of_cluster(found: ClusterOf, host: str = "localhost", options: str = OPTIONS) -> str:
    """Give the store URL of a cluster."""
    return "rediss+cluster://" + ",".join(f"{host}:{one.tls_port}" for one in found.primaries[:2]) + options


def of_set(found: SetOf, host: str = "localhost", options: str = OPTIONS) -> str:
    """Give the store URL of a set."""
    hosts = ",".join(f"{host}:{one.tls_port}" for one in found.sentinels)
    return f"rediss+sentinel://{hosts}/{SERVICE}{options}"


async def test_a_cluster_is_found_and_used_over_tls(three):
    """Discovery, scripts and commands find the announced names and TLS ports of all servers, and nothing else."""
    for one in three.primaries:
        one("FLUSHALL")
    some = prefixes()[::8]
    async with open_store(of_cluster(three), Path()) as store:
        counts = await asyncio.gather(*(store.run(COUNT, [f"{shard}n"], []) for shard in some))
        assert counts == [1] * len(some)
        assert await store.pipeline([("INCR", f"{shard}n") for shard in some]) == [2] * len(some)
        shown = {node.shown for node in await store.nodes()}
        assert shown == {f"rediss://localhost:{one.tls_port}" for one in three.primaries}
        assert {part.name for part in store.parts()} == shown


async def test_a_moved_slot_is_followed_over_tls(three):
    """MOVED names the TLS port too."""
    store = Store.connect(of_cluster(three))
    assert await store.run(COUNT, ["{q3}:moved"], []) == 1
    slot = slot_of_key("{q3}:moved")
    holder = three.holder(slot)
    to = next(one for one in three.primaries if one is not holder)
    holder("DEL", *holder("CLUSTER", "GETKEYSINSLOT", slot, 10))
    for one in (to, holder, *three.primaries):
        one("CLUSTER", "SETSLOT", slot, "NODE", three.id_of(to))
    assert await store.run(COUNT, ["{q3}:moved"], []) == 1
    assert to("GET", "{q3}:moved") == b"1"
    await store.close()


@pytest.mark.parametrize("how", STRANGERS)
async def test_a_stranger_is_refused(three, how):
    """Nothing is sent to a server that does not prove its name, nor taken from who does not prove theirs."""
    store = Store.connect(of_cluster(three, *STRANGERS[how]))
    with pytest.raises(StoreUnavailable):
        await store.run(COUNT, ["{q1}:stranger"], [])
    with pytest.raises((StoreUnavailable, StoreRefused)):
        async with open_store(of_cluster(three, *STRANGERS[how]), Path()):
            pass
    await store.close()
    assert three.holder(slot_of_key("{q1}:stranger"))("EXISTS", "{q1}:stranger") == 0


@pytest.mark.parametrize("how", STRANGERS)
async def test_a_set_turns_strangers_away(watched, how):
    """Sentinels are asked over TLS too."""
    store = Store.connect(of_set(watched, *STRANGERS[how]))
    with pytest.raises(StoreUnavailable):
        await store.run(COUNT, ["{q1}:stranger"], [])
    await store.close()


async def test_a_set_is_found_and_followed_over_tls(watched):
    """The primary that the sentinels name is reached by its name; after a failover the other one is."""
    async with open_store(of_set(watched), Path()) as store:
        assert await store.run(COUNT, ["{q1}:n"], []) == 1
        assert await store.execute("INCR", "{q1}:n") == 2
        (node,) = await store.nodes()
        first = node.shown
        ports = {f"rediss://localhost:{one.tls_port}": one for one in watched.servers}
        await asyncio.to_thread(ports[first], "WAIT", 1, 5000)
        ports[first].freeze()
        while (count := await _counted(store)) is None or (await store.nodes())[0].shown == first:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        assert count >= 3
        assert {(await store.nodes())[0].shown} == ports.keys() - {first}
        ports[first].thaw()


async def _counted(store: Store) -> int | None:
    try:
        return await store.run(COUNT, ["{q1}:n"], [])
    except StoreUnavailable:
        return None
