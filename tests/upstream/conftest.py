"""A far end for this room's tests, the client under test, and how to point one at the other."""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import msgspec
import pytest
from aiohttp import ClientSession

from gateway.model import Provider, Timeouts
from gateway.upstream import Answer, Upstream
from tests.provider.process import ProviderProcess, far_end_running

Ask = Callable[..., AbstractAsyncContextManager[Answer]]


def provider_at(base_url: str, **changes: Any) -> Provider:
    """Make a provider of this address."""
    return Provider(name="far", dialect="openai", base_url=base_url, **changes)


def body_of(model: str, text: str = "hello", **fields: Any) -> bytes:
    """Encode a chat request."""
    return msgspec.json.encode({"model": model, "messages": [{"role": "user", "content": text}], **fields})


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    """Give a client."""
    async with Upstream() as client:
        yield client


@pytest.fixture(scope="session")
def far_end_address() -> Iterator[tuple[int, int]]:
    """Give the port and process id of a far end that serves all of these tests."""
    with far_end_running() as address:
        yield address


@pytest.fixture
async def far_end(far_end_address: tuple[int, int]) -> AsyncIterator[ProviderProcess]:
    """Give the far end with an empty log."""
    async with ClientSession() as session:
        process = ProviderProcess(*far_end_address, session)
        await process.reset()
        yield process


@pytest.fixture
def ask(upstream: Upstream, far_end: ProviderProcess) -> Ask:
    """Give `ask(model, text, timeouts=..., **fields)`: a chat request to the far end, streamed unless it says no."""

    def ask(model: str, text: str = "hello", timeouts: Timeouts = Timeouts(), **fields: Any) -> Any:  # noqa: B008 - frozen
        provider = provider_at(far_end.base_url, timeouts=timeouts)
        return upstream.send(provider, "/chat/completions", body_of(model, text, **fields), {})

    return partial(ask, stream=True)
