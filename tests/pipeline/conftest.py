"""A provider process that tells the truth about what it served, and gateways in front of it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import ClientSession

from gateway.store.connection import Store
from tests.gateways import PROVIDER_SECRET, Client, Limits, gateway_running
from tests.provider.process import ProviderProcess, far_end_running

OpenGateway = Callable[..., Awaitable[Client]]
"""(limits, base_url) -> a client of a new gateway on an empty store."""


@pytest.fixture(scope="session")
def far_address() -> Iterator[tuple[int, int]]:
    """Give port and process id of the one far end of this test process."""
    with far_end_running(PROVIDER_SECRET) as address:
        yield address


@pytest.fixture
async def far(far_address: tuple[int, int]) -> AsyncIterator[ProviderProcess]:
    """Give the far end with an empty log."""
    async with ClientSession() as session:
        process = ProviderProcess(*far_address, session)
        await process.reset()
        yield process


@pytest.fixture
async def open_gateway(valkey_store: Store, tmp_path: Path, far: ProviderProcess) -> AsyncIterator[OpenGateway]:
    """Give what opens a gateway, in front of the far end unless told otherwise."""
    async with AsyncExitStack() as stack:

        async def opened(limits: Limits | None = None, base_url: str | None = None) -> Client:
            running = gateway_running(valkey_store, tmp_path, base_url or far.base_url, limits or Limits())
            return await stack.enter_async_context(running)

        yield opened
