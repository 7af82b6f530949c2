"""Answers written in one go: what a client reads is what aiohttp's own would have said."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web

from gateway import NAME
from gateway.pipeline.direct import send_whole
from tests.gateways import Client
from tests.pipeline.conftest import OpenGateway
from tests.pipeline.raw import as_user, chat_body
from tests.upstream.raw import Raw, raw_server

Send = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

HEADERS = {"content-type": "application/json", "x-request-id": "r1", "Server": NAME}
BODY = b'{"a": 1}'
LARGE = bytes(range(256)) * (1 << 13)


def sending(status: int, body: bytes, **fields: str) -> Send:
    """Give a handler that sends one answer."""
    return lambda request: send_whole(request, status, {**HEADERS, **fields}, body, most_seconds=5)


@asynccontextmanager
async def answering(send: Send) -> AsyncIterator[int]:
    """Serve what `send` sends; yields the port."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        return await send(request)

    server = web.Server(handle)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    yield listening.sockets[0].getsockname()[1]
    listening.close()
    await server.shutdown()


async def said(port: int, request: bytes) -> bytes:
    """Send bytes; gives all that comes until the server closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


def asking(version: str = "1.1", *fields: str) -> bytes:
    """Give a request that ends its connection."""
    return "\r\n".join([f"POST / HTTP/{version}", "Host: x", "Content-Length: 0", *fields, "", ""]).encode()


def read(answer: bytes) -> tuple[str, dict[str, str], bytes]:
    """Give status line, headers and body."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    pairs = [line.split(": ", 1) for line in lines]
    assert len({name.lower() for name, _ in pairs}) == len(pairs)
    return first, {name.lower(): value for name, value in pairs}, body


@pytest.mark.parametrize("version", ["1.1", "1.0"])
@pytest.mark.parametrize("status", [200, 201, 204, 304, 404, 429, 503])
@pytest.mark.parametrize("body", [BODY, b"", LARGE])
async def test_it_says_what_aiohttp_would_say(version: str, status: int, body: bytes) -> None:
    """Status, headers and body are those of aiohttp's own response, byte for byte but for their order and the time."""
    request = asking(version, "Connection: close")
    async with answering(sending(status, body)) as port:
        ours = read(await said(port, request))

    async def plain(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, headers=HEADERS, body=body)

    async with answering(plain) as port:
        theirs = read(await said(port, request))
    ours[1].pop("date"), theirs[1].pop("date")
    assert ours == theirs


async def test_a_connection_goes_on() -> None:
    """Requests sent at once on one connection are answered in order, each whole; the last ends it."""
    async with answering(sending(200, BODY)) as port:
        answer = await said(port, asking() * 3 + asking("1.1", "Connection: close"))
    assert answer.count(BODY) == answer.count(b"HTTP/1.1 200 OK\r\n") == 4
    assert answer.lower().count(b"connection: close") == 1
    assert answer.endswith(BODY)


@pytest.mark.parametrize("spoiled", ["a\r\nset-cookie: b", "a\nb", "a\rb", "a\x00b", "a\x01b", "a\x0bb", "a\x7fb"])
async def test_a_header_that_is_none_is_never_sent(spoiled: str) -> None:
    """Whatever made it, nothing of such an answer leaves."""
    async with answering(sending(200, BODY, x=spoiled)) as port:
        assert BODY not in await said(port, asking("1.1", "Connection: close"))


async def test_a_client_that_reads_slowly_gets_all_of_it() -> None:
    """A body larger than all buffers is waited for, and is whole."""
    large = LARGE * 4
    async with answering(sending(200, large)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 10)
        writer.write(asking("1.1", "Connection: close"))
        await asyncio.sleep(0.05)
        _, headers, body = read(await reader.read())
        writer.close()
    assert int(headers["content-length"]) == len(body) == len(large)
    assert body == large


async def test_a_client_that_takes_a_little_now_and_then_is_left_when_the_time_is_up() -> None:
    """It never stalls for long; whoever sends waits no longer than told, and the connection ends."""
    ended: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def send(request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await send_whole(request, 200, dict(HEADERS), LARGE * 4, most_seconds=0.5)
        except ConnectionResetError:
            ended.set_result(True)
            raise

    async with answering(send) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 10)
        writer.write(asking("1.1", "Connection: close"))
        taken = bytearray()
        while not ended.done():
            taken += await reader.read(64)
            await asyncio.sleep(0.02)
        with contextlib.suppress(ConnectionError):
            taken += await reader.read()
        writer.close()
    assert await ended
    assert taken.startswith(b"HTTP/1.1 200")
    assert len(taken) < len(LARGE * 4)


async def test_a_call_s_answer_names_the_gateway_and_its_length(open_gateway: OpenGateway) -> None:
    """Through the whole gateway: a whole answer has our name, its length, and can be read by any client."""
    client: Client = await open_gateway()
    async with ClientSession() as session:
        headers = {**as_user(1), "Content-Type": "application/json"}
        answer = await session.post(f"{client.url}/v1/chat/completions", data=chat_body("m:tokens-3"), headers=headers)
        body = await answer.read()
    assert answer.status == 200
    assert answer.headers["Content-Length"] == str(len(body))
    assert answer.headers["Server"] == "token-budget-gateway"
    assert "Transfer-Encoding" not in answer.headers


@pytest.mark.parametrize("value", [b"caf\xe9", b"a\x01b", b"a\x0bb", "café".encode()])
@pytest.mark.parametrize("name", [b"x-request-id", b"retry-after"])
async def test_a_provider_s_strange_header_costs_nobody_the_answer(
    open_gateway: OpenGateway, name: bytes, value: bytes
) -> None:
    """What is no printable ASCII is left out; the call has its answer, and is charged once."""
    text = b'{"id":"c","object":"chat.completion","created":1,"model":"m:","choices":[],"usage":{"prompt_tokens":3,'
    text += b'"completion_tokens":4,"total_tokens":7}}'
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%b: %b\r\nContent-Length: %d\r\n\r\n"

    async def serve(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw.request(reader)
        writer.write(head % (name, value, len(text)) + text)

    async with raw_server(serve) as raw:
        client = await open_gateway(base_url=raw.origin)
        async with client.chat() as answer:
            assert (answer.status, await answer.read()) == (200, text)
            assert "x-upstream-request-id" not in answer.headers
            assert "retry-after" not in answer.headers
        assert await client.company() == (7, 0)
