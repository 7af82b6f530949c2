"""Every state in which a server refuses us, provoked on real ones: what it means, and that it ends by itself.

LOADING stands in tests/supervisor/test_truth.py, CLUSTERDOWN, MOVED, ASK and TRYAGAIN in test_cluster.py, NOSCRIPT and
refused logins at the start in test_connection.py.
"""

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from gateway.errors import StoreUnavailable
from gateway.store import tending
from gateway.store.border import is_away
from gateway.store.breaker import State
from gateway.store.connection import Script, Store
from tests.store.groups import HOST, Server, serving, wait
from tests.store.servers import DURABLE, REDIS, VALKEY, until

COUNT = Script("return redis.call('INCR', KEYS[1])")
KEY = "{q7}:n"
SNAPSHOTS = ("--save", "3600 1", "--appendonly", "no")


@pytest.fixture(params=[VALKEY, REDIS], ids=["valkey", "redis7"])
def binary(request: pytest.FixtureRequest) -> str:
    """Give each kind of server."""
    if request.param is None:
        pytest.skip("no redis-server on PATH")
    return request.param


@contextmanager
def _configured(server: Server, name: str, value: str | int, before: str | int) -> Iterator[None]:
    server("CONFIG", "SET", name, value)
    yield
    server("CONFIG", "SET", name, before)


@contextmanager
def _read_only(server: Server) -> Iterator[None]:
    server("REPLICAOF", HOST, 1)
    yield
    server("REPLICAOF", "NO", "ONE")


@contextmanager
def _master_down(server: Server) -> Iterator[None]:
    with _configured(server, "replica-serve-stale-data", "no", "yes"), _read_only(server):
        yield


@contextmanager
def _busy(server: Server) -> Iterator[None]:
    def loop() -> None:
        with suppress(RedisError), Redis(HOST, server.port) as client:
            client.execute_command("EVAL", "while true do end", 0)

    server("CONFIG", "SET", "busy-reply-threshold", 10)
    looping = threading.Thread(target=loop)
    looping.start()
    wait(lambda: not _answers(server))
    yield
    wait(lambda: server("SCRIPT", "KILL"))
    looping.join()


def _answers(server: Server) -> bool:
    try:
        return bool(server("PING"))
    except RedisError:
        return False


@contextmanager
def _snapshot_failed(server: Server) -> Iterator[None]:
    directory = Path(server.client.config_get("dir")["dir"])
    shutil.rmtree(directory)
    server("SET", "changed", 1)
    server("BGSAVE")
    wait(lambda: server.client.info("persistence")["rdb_last_bgsave_status"] == "err")
    yield
    server("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")


@contextmanager
def _too_many(server: Server) -> Iterator[None]:
    before = server.client.config_get("maxclients")["maxclients"]
    server("CONFIG", "SET", "maxclients", 1)
    server("CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "YES")
    yield
    server("CONFIG", "SET", "maxclients", before)


@contextmanager
def _other_password(server: Server) -> Iterator[None]:
    server("ACL", "SETUSER", "default", "resetpass", ">another")
    server("CLIENT", "KILL", "TYPE", "NORMAL", "SKIPME", "YES")
    yield
    server("ACL", "SETUSER", "default", "nopass")


@contextmanager
def _forbidden(server: Server) -> Iterator[None]:
    server("ACL", "SETUSER", "default", "-incr")
    yield
    server("ACL", "SETUSER", "default", "+incr")


@dataclass(frozen=True)
class Case:
    """A state: how it comes about, what is told, and whether it means that the store is away."""

    provoked: Callable[[Server], AbstractContextManager[None]]
    words: str
    means_away: bool = True
    options: tuple[str, ...] = DURABLE


CASES = {
    "READONLY": Case(_read_only, "READONLY"),
    "MASTERDOWN": Case(_master_down, "MASTERDOWN"),
    "NOREPLICAS": Case(lambda one: _configured(one, "min-replicas-to-write", 1, 0), "NOREPLICAS"),
    "BUSY": Case(_busy, "BUSY"),
    "MISCONF": Case(_snapshot_failed, "MISCONF", options=SNAPSHOTS),
    "OOM": Case(lambda one: _configured(one, "maxmemory", 1, 0), "OOM", means_away=False),
    "NOPERM": Case(_forbidden, "does not permit a command", means_away=False),
    "max clients": Case(_too_many, "too many clients|the connection failed|the connection broke"),
    "NOAUTH": Case(_other_password, "refuses the credentials|the connection failed"),
}


@pytest.mark.parametrize("name", CASES)
async def test_a_state_is_an_outage_in_our_words_and_ends_by_itself(binary: str, name: str) -> None:
    """A script hears of it; where it means away the breaker opens; once it is over all goes on, and nothing ran."""
    case = CASES[name]
    with serving(binary, *case.options) as server:
        store = Store.connect(f"redis://{HOST}:{server.port}")
        async with tending.tended(store):
            await until(lambda: store.state is State.CLOSED)
            assert await store.run(COUNT, [KEY], []) == 1
            with case.provoked(server):
                failure = await refused(store, case.words)
                assert is_away(failure) == case.means_away
                assert failure.headers == {"Retry-After": "1"}
                if case.means_away:
                    await opened(store)
                else:
                    for _ in range(5):
                        await refused(store, case.words)
                        await asyncio.sleep(0.06)
                    assert store.state is State.CLOSED
            await until(lambda: store.state is State.CLOSED)
            assert await sooner_or_later(store) == 2
        await store.close()


async def refused(store: Store, words: str) -> StoreUnavailable:
    """Give the refusal of a script, which has these words."""
    with pytest.raises(StoreUnavailable, match=words) as away:
        await store.run(COUNT, [KEY], [])
    return away.value


async def opened(store: Store) -> None:
    """Ask until the breaker is open; the test's own timeout is the limit."""
    while store.state is not State.OPEN:
        with pytest.raises(StoreUnavailable):
            await store.run(COUNT, [KEY], [])
        await asyncio.sleep(0.06)


async def sooner_or_later(store: Store) -> int:
    """Count, as soon as every connection has heard that it is over."""
    while True:
        with suppress(StoreUnavailable):
            return await store.run(COUNT, [KEY], [])
        await asyncio.sleep(0.05)
