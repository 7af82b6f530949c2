"""Stores for every room's tests: real servers of this test process, and clients connected to them."""

from collections.abc import AsyncIterator, Iterator

import pytest
from hypothesis import HealthCheck, settings

from gateway.store.connection import Store
from tests.store.groups import ClusterOf, cluster
from tests.store.servers import DURABLE, REDIS, VALKEY, running

# How long an example takes to make or to run says how busy the machine is, and decides no test.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """Give the URL of the Valkey that the gateway ships, private to this test process."""
    with running(VALKEY, *DURABLE) as url:
        yield url


@pytest.fixture(scope="session")
def redis7_url() -> Iterator[str]:
    """Give the URL of the `redis-server` on PATH, private to this test process."""
    if REDIS is None:
        pytest.skip("no redis-server on PATH")
    with running(REDIS, *DURABLE) as url:
        yield url


@pytest.fixture(scope="session")
def cluster_of_three() -> Iterator[ClusterOf]:
    """Give a cluster of three Valkeys, private to this test process."""
    with cluster(VALKEY) as found:
        yield found


@pytest.fixture(scope="session")
def cluster_url(cluster_of_three: ClusterOf) -> str:
    """Give the URL of that cluster."""
    return cluster_of_three.url


@pytest.fixture
async def valkey_store(valkey_url: str) -> AsyncIterator[Store]:
    """Give an empty Valkey."""
    async for store in _empty(valkey_url):
        yield store


@pytest.fixture(params=["valkey", "redis7"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    """Give each server in turn, empty; `servers.on_every_store` adds a cluster."""
    async for store in _empty(request.getfixturevalue(f"{request.param}_url")):
        yield store


async def _empty(url: str) -> AsyncIterator[Store]:
    store = Store.connect(url)
    await store.on_every_node("FLUSHALL")
    await store.on_every_node("SCRIPT FLUSH")
    yield store
    await store.close()
