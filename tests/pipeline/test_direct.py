"""Answers written in one go: what a client reads is what aiohttp's own would have said."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web

from gateway.pipeline.direct import Direct, whole_answer
from tests.gateways import Client
from tests.pipeline.conftest import OpenGateway
from tests.pipeline.raw import as_user, chat_body
from tests.upstream.raw import Raw, raw_server

Make = Callable[[web.BaseRequest], web.StreamResponse]

HEADERS = {"content-type": "application/json", "x-request-id": "r1", "Server": "us"}
BODY = b'{"a": 1}'
LARGE = bytes(range(256)) * (1 << 13)


@asynccontextmanager
async def answering(make: Make) -> AsyncIterator[int]:
    """Serve what `make` gives; yields the port."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        return make(request)

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
    async with answering(lambda request: whole_answer(request, status, dict(HEADERS), body)) as port:
        ours = read(await said(port, request))
    async with answering(lambda _: web.Response(status=status, headers=HEADERS, body=body)) as port:
        theirs = read(await said(port, request))
    ours[1].pop("date"), theirs[1].pop("date")
    assert ours == theirs


async def test_a_connection_goes_on() -> None:
    """Requests sent at once on one connection are answered in order, each whole; the last ends it."""
    async with answering(lambda request: whole_answer(request, 200, dict(HEADERS), BODY)) as port:
        answer = await said(port, asking() * 3 + asking("1.1", "Connection: close"))
    assert answer.count(BODY) == answer.count(b"HTTP/1.1 200 OK\r\n") == 4
    assert answer.lower().count(b"connection: close") == 1
    assert answer.endswith(BODY)


@pytest.mark.parametrize("spoiled", ["a\r\nset-cookie: b", "a\nb", "a\rb", "a\x00b", "a\x01b", "a\x0bb", "a\x7fb"])
async def test_a_header_that_is_none_is_never_sent(spoiled: str) -> None:
    """Whatever made it, nothing of such an answer leaves."""
    async with answering(lambda _: Direct(200, {"x": spoiled}, BODY)) as port:
        assert BODY not in await said(port, asking("1.1", "Connection: close"))


async def test_a_client_that_reads_slowly_gets_all_of_it() -> None:
    """A body larger than all buffers is waited for, and is whole."""
    large = LARGE * 4
    async with answering(lambda request: whole_answer(request, 200, dict(HEADERS), large)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 10)
        writer.write(asking("1.1", "Connection: close"))
        await asyncio.sleep(0.05)
        _, headers, body = read(await reader.read())
        writer.close()
    assert int(headers["content-length"]) == len(body) == len(large)
    assert body == large


async def test_one_that_is_not_sent_twice() -> None:
    """A handler that sends its answer itself is not answered for again."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        answer = whole_answer(request, 200, dict(HEADERS), BODY)
        await answer.prepare(request)
        await answer.write_eof()
        return answer

    server = web.Server(handle)
    listening = await asyncio.get_running_loop().create_server(server, "127.0.0.1", 0)
    answer = await said(listening.sockets[0].getsockname()[1], asking("1.1", "Connection: close"))
    listening.close()
    assert answer.count(BODY) == 1


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
