"""Clients that take their time: they are ended, whoever is in a hurry is served meanwhile."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

import pytest
import pytest_asyncio
from aiohttp import web

from gateway.api.entry import Entry
from gateway.app import App
from gateway.app.table import TABLE
from gateway.pipeline.gateway import Gateway
from gateway.supervisor import listening
from tests.edge import Edge, edge_running
from tests.gateways import ADA_KEY, Limits
from tests.wire import CHAT_TARGET, connect, replies, request

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLOW = 40
"""Slow clients beside the good ones, in each test."""
HURRY = ", header_seconds: 0.4, body_seconds: 0.4, keepalive_seconds: 0.4"
HEAD = f"POST {CHAT_TARGET} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADA_KEY}\r\n"
TYPE = "Content-Type: application/json\r\n"
LARGE_BYTES = 24 << 20
"""More than the kernel takes for a client that does not read."""


async def _large(_gateway: Gateway, _request: web.BaseRequest, _id: str, _params: Mapping[str, str]) -> web.Response:
    return web.Response(body=bytes(LARGE_BYTES))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def hurried(
    valkey_url: str, far_address: tuple[int, int], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Edge]:
    """Give a gateway that waits for nobody."""
    limits = Limits(server=HURRY, stall_seconds=1)
    async with edge_running(valkey_url, far_address, tmp_path_factory.mktemp("slow"), limits) as running:
        yield running


def turned_away(edge: Edge, reason: str) -> float:
    """Give how many were ended for a reason."""
    registry = edge.client.app.gateway.metrics.registry
    count = registry.get_sample_value("gateway_turned_away_total", {"reason": reason})
    assert count is not None
    return count


async def told(edge: Edge, reason: str, count: float) -> None:
    """Wait for so many to be counted, which is done once a second; more would be wrong."""
    while turned_away(edge, reason) < count:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    assert turned_away(edge, reason) == count


async def dripped(edge: Edge, data: bytes) -> bytes:
    """Send bytes, then one more now and then until the gateway ends the connection; gives what it answered."""
    reader, writer = await connect(edge.client.url)
    writer.write(data)

    async def drip() -> None:
        with suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.1)

    dripping = asyncio.ensure_future(drip())
    try:
        return await reader.read()
    finally:
        dripping.cancel()
        writer.close()


async def beside(edge: Edge, *slow: asyncio.Future[bytes]) -> int:
    """Make good calls for as long as any slow client is there; gives how many, all of which succeeded."""
    made = 0
    while not all(one.done() for one in slow):
        async with edge.client.chat() as answer:
            assert answer.status == 200
            made += 1
    return made


@pytest.mark.parametrize("data", [b"GET /", f"{HEAD}X-A: ".encode()])
async def test_slow_headers_are_ended(hurried: Edge, data: bytes) -> None:
    """Headers that drip are answered with 408 and ended, however many clients do it; good calls all succeed."""
    before = turned_away(hurried, "headers")
    slow = [asyncio.ensure_future(dripped(hurried, data)) for _ in range(SLOW)]
    assert await beside(hurried, *slow) > 0
    for one in slow:
        (reply,) = replies(await one)
        assert (reply.status, reply.error["code"], reply.headers["Connection"]) == (408, "request_timeout", "close")
        assert reply.headers["Server"] == "token-budget-gateway"
    await told(hurried, "headers", before + SLOW)


async def test_who_says_nothing_is_ended_without_a_word(hurried: Edge) -> None:
    """A connection that sends nothing is closed as an idle one is: its client may be about to ask."""
    reader, writer = await connect(hurried.client.url)
    assert await reader.read() == b""
    writer.close()


async def test_an_idle_connection_is_ended_without_a_word(hurried: Edge) -> None:
    """After an answer the next request may take `keepalive_seconds`."""
    reader, writer = await connect(hurried.client.url)
    writer.write(request("GET", "/healthz"))
    (reply,) = replies(await reader.read())
    assert (reply.status, "Connection" in reply.headers) == (200, False)
    writer.close()


@pytest.mark.parametrize("framing", ["Content-Length: 100000", "Transfer-Encoding: chunked"])
async def test_slow_bodies_are_ended(hurried: Edge, framing: str) -> None:
    """Bodies that drip are 408 in the words of their path, cost nothing and reach nobody; good calls all succeed."""
    before = turned_away(hurried, "body")
    start = f"{HEAD}{TYPE}{framing}\r\n\r\n" + ("1000\r\n" if "chunked" in framing else "")
    slow = [asyncio.ensure_future(dripped(hurried, start.encode())) for _ in range(SLOW)]
    assert await beside(hurried, *slow) > 0
    for one in slow:
        (reply,) = replies(await one)
        assert (reply.status, reply.error["code"], reply.headers["Connection"]) == (408, "request_timeout", "close")
    await told(hurried, "body", before + SLOW)
    assert (await hurried.client.company())[1] == 0


async def test_a_slow_body_is_refused_in_the_language_of_its_path(hurried: Edge) -> None:
    """Anthropic's SDK finds its own error type."""
    head = HEAD.replace(CHAT_TARGET, "/v1/messages")
    async with hurried.untouched():
        (reply,) = replies(await dripped(hurried, f"{head}{TYPE}Content-Length: 1000\r\n\r\n".encode()))
        assert (reply.status, reply.error["type"]) == (408, "invalid_request_error")


async def test_an_answer_that_nobody_reads_is_dropped(hurried: Edge) -> None:
    """Whoever stops reading an answer in one piece loses it: its memory and its connection are free again."""
    before = turned_away(hurried, "stalled")
    app = App(hurried.client.app.gateway, {**TABLE, "/large": Entry({"GET": _large})})
    async with listening(app, "127.0.0.1", 0, 5) as url:
        with socket.socket() as stalled:
            stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            stalled.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(stalled, ("127.0.0.1", int(url.rpartition(":")[2])))
            await loop.sock_sendall(stalled, request("GET", "/large"))
            assert await loop.sock_recv(stalled, 12) == b"HTTP/1.1 200"
            while turned_away(hurried, "stalled") == before:
                async with hurried.client.get("/v1/models") as answer:
                    assert answer.status == 200
            received = 0
            with suppress(ConnectionResetError):
                while piece := await loop.sock_recv(stalled, 1 << 20):
                    received += len(piece)
            assert received < LARGE_BYTES
