"""Calls leave nothing that only the garbage collector finds: a worker that serves many who leave would grow by them."""

import asyncio
import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.pipeline.conftest import OpenGateway
from tests.pipeline.raw import chat_body, leave_after, until_nothing_is_held

CALLS = 150
WHOLE = 1 << 20


@contextmanager
def collected() -> Iterator[Counter[str]]:
    """Give the types, of ours and aiohttp's, of what was garbage in cycles at the end of the block."""
    found: Counter[str] = Counter()
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield found
        gc.collect()
        names = (f"{type(one).__module__}.{type(one).__name__}" for one in gc.garbage)
        found.update(name for name in names if name.startswith(("gateway.", "aiohttp.")))
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("received_bytes", [WHOLE, 500, 10, 0])
async def test_calls_leave_no_cycles(open_gateway: OpenGateway, stream: bool, received_bytes: int) -> None:
    """Whether a client reads all of its answer, or hangs up after some of it or at once."""
    client = await open_gateway()

    async def calls(count: int) -> None:
        for _ in range(count):
            await leave_after(client.url, chat_body("m:tokens-50", stream=stream), received_bytes, number=1)
        await until_nothing_is_held(client)
        await asyncio.sleep(0.1)

    await calls(5)
    with collected() as found:
        await calls(CALLS)
    assert not found
