"""A gateway that serves a whole module of tests, in front of a far end that tells what has reached it."""

from collections.abc import AsyncIterator, Container, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from gateway.store.connection import Store
from tests.gateways import PROVIDER_SECRET, Client, Limits, gateway_running
from tests.provider.process import ProviderProcess, far_end_running
from tests.wire import Reply, talk

EVE = "22222222-2222-4222-8222-222222222299"
BOSS_KEY = "boss-key-0123456789"
OLD_KEY = "old-key-0123456789"
ROBOT_KEY = "robot-key-0123456789"
HASHED_KEY = "hashed-key-0123456789"
HASHED_SHA256 = sha256(HASHED_KEY.encode()).hexdigest()

USERS = f"  - {{id: {EVE}, name: eve, company: other}}"
KEYS = f"""
  - {{name: boss, key: {BOSS_KEY}, company: acme, role: company_admin}}
  - {{name: old, key: {OLD_KEY}, company: acme, user: ada, expires: 2020-01-01}}
  - {{name: robot, key: {ROBOT_KEY}, company: acme, acts_for_users: true}}
  - {{name: hashed, sha256: {HASHED_SHA256}, company: acme, user: bob}}
"""
MODELS = '{"*": {reasoning: false}, listed: {max_output_tokens: 100}, "m:listed/with-a-slash": {}}'


@dataclass(frozen=True)
class Edge:
    """A gateway's client, and the far end behind it."""

    client: Client
    far: ProviderProcess

    async def talk(self, data: bytes, *, to_head: Container[int] = ()) -> list[Reply]:
        """Send bytes to the gateway; give its answers once it has closed the connection."""
        return await talk(self.client.url, data, to_head=to_head)

    async def asked(self) -> list[dict[str, Any]]:
        """Give what reached the far end since this was last asked."""
        log = await self.far.log()
        await self.far.reset()
        return log

    @asynccontextmanager
    async def untouched(self) -> AsyncIterator[None]:
        """Hold what is done inside to this: nothing reaches the far end, nothing is charged, nothing stays held."""
        before = await self.client.company()
        await self.far.reset()
        yield
        assert await self.far.log() == []
        assert await self.client.company() == before


@asynccontextmanager
async def edge_running(
    valkey_url: str, address: tuple[int, int], directory: Path, limits: Limits
) -> AsyncIterator[Edge]:
    """Give a gateway on an empty store."""
    store = Store.connect(valkey_url)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(store.close)
        await store.execute("FLUSHALL")
        session = await stack.enter_async_context(ClientSession())
        far = ProviderProcess(*address, session)
        await far.reset()
        client = await stack.enter_async_context(gateway_running(store, directory, far.base_url, limits))
        yield Edge(client, far)


@pytest.fixture(scope="session")
def far_address() -> Iterator[tuple[int, int]]:
    """Give port and process id of a far end."""
    with far_end_running(PROVIDER_SECRET) as address:
        yield address


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge(
    valkey_url: str, far_address: tuple[int, int], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Edge]:
    """Give one gateway to all tests of a module, which run in the module's event loop."""
    limits = Limits(users=USERS, keys=KEYS, models=MODELS, max_body_bytes=65_536)
    async with edge_running(valkey_url, far_address, tmp_path_factory.mktemp("edge"), limits) as running:
        yield running
