"""Calls leave nothing that only the garbage collector finds: a worker that serves many who leave would grow by them."""

import asyncio
import gc
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

import pytest

from tests.gateways import ADA_KEY, Limits
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


FAILURES = (
    *("m:status-500", "m:status-400", "m:silent", "m:garbage", "m:cut-40", "m:fin-40", "m:stall-60", "m:redirect-1"),
    *("m:badjson", "m:error-3", "m:usage-none.tokens-20", "m:bomb-1", "m:nodone.tokens-4", "nosuch/x"),
)
"""What a provider may do wrong (tests/provider), and a model that nobody has."""
TIMES = 20


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("model", FAILURES)
async def test_calls_that_fail_leave_no_cycles(open_gateway: OpenGateway, model: str, stream: bool) -> None:
    """An error's traceback holds the whole call, its prompt too: a crowd of them would take a gigabyte."""
    client = await open_gateway(Limits(timeouts="{connect: 1, first_byte: 0.3, between_bytes: 0.3}"))

    async def calls(count: int) -> None:
        for _ in range(count):
            await leave_after(client.url, chat_body(model, stream=stream), WHOLE, number=1)
        await until_nothing_is_held(client)
        await asyncio.sleep(0.1)

    await calls(3)
    with collected() as found:
        await calls(TIMES)
    assert not found


HEAD = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
HEAD += f"Authorization: Bearer {ADA_KEY}\r\n"
BAD = {
    "no key": "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
    "no HTTP": "GARBAGE\r\n\r\n",
    "no such path": "GET /nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    "no JSON": HEAD + 'Connection: close\r\nContent-Length: 3\r\n\r\n{"a',
    "too long": HEAD + "Content-Length: 99999999\r\n\r\n",
    "framed wrongly": HEAD + 'Transfer-Encoding: chunked\r\n\r\n5\r\n{"a":ZZ\r\n',
    "left within the body": HEAD + 'Content-Length: 100000\r\n\r\n{"a":',
}


@pytest.mark.parametrize("name", BAD)
async def test_requests_that_are_refused_leave_no_cycles(open_gateway: OpenGateway, name: str) -> None:
    """Whatever is wrong with them."""
    client = await open_gateway()
    address = urlsplit(client.url)

    async def requests(count: int) -> None:
        for _ in range(count):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            writer.write(BAD[name].encode())
            with suppress(TimeoutError, ConnectionError):
                await asyncio.wait_for(reader.read(), 0.1)
            writer.transport.abort()
        await asyncio.sleep(0.2)

    await requests(3)
    with collected() as found:
        await requests(TIMES)
    assert not found
