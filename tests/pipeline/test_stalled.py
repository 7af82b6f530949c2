"""A client that reads nothing keeps nothing."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer
from structlog.testing import capture_logs

from tests.gateways import ADA_KEY, Client, Limits
from tests.pipeline.conftest import OpenGateway
from tests.pipeline.scripted import DONE, Turn, frame, scripted_provider, usage_frame
from tests.provider.process import ProviderProcess

BODY = json.dumps({
    "model": "gpt-4o/m:tokens-40000",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 50_000,
    "stream": True,
})  # fmt: skip
TOKENS = 8_000
HEAD = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADA_KEY}\r\n"


async def stalled(client: Client) -> tuple[int, int]:
    """Ask for a stream, read its first bytes alone, and wait for what it is charged; gives the company's numbers."""
    request = f"{HEAD}Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}".encode()
    with socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(reader, ("127.0.0.1", int(client.url.rpartition(":")[2])))
        await loop.sock_sendall(reader, request)
        assert await loop.sock_recv(reader, 12) == b"HTTP/1.1 200"
        while not (await client.budgets())["company"]["used"]:  # noqa: ASYNC110 - the gateway's word is waited for
            await asyncio.sleep(0.05)
        return await client.company()


async def test_a_reader_that_stalls_has_left(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """A stream whose client takes nothing for `stall_seconds` ends, and is charged for what had come."""
    used, held = await stalled(await open_gateway(Limits(stall_seconds=0.5)))
    assert held == 0
    assert 0 < used < 50_000
    assert (await far.settled())["requests"] == 1


@pytest.mark.parametrize("left", ["", "on_disconnect: drain"])
async def test_what_a_provider_had_sent_by_then_is_charged(open_gateway: OpenGateway, left: str) -> None:
    """All of it, not what fitted into the buffers on the way to the client."""

    async def speak(turn: Turn) -> None:
        await turn.say(b"".join(frame(" a") for _ in range(TOKENS)))
        if left:
            await turn.say(frame(finish="stop") + usage_frame(TOKENS) + DONE)
        await asyncio.Event().wait()

    async with scripted_provider(speak) as base_url:
        client = await open_gateway(Limits(stall_seconds=0.5, provider=left), base_url)
        used, held = await stalled(client)
    assert held == 0
    assert used >= TOKENS


async def test_a_reader_that_takes_a_little_now_and_then_has_left_when_the_time_is_up(
    open_gateway: OpenGateway,
) -> None:
    """It never stalls for long; its stream ends when the call has lasted `total`, and is charged for what had come."""

    async def speak(turn: Turn) -> None:
        while True:
            await turn.say(frame(" a") * 100)

    async with scripted_provider(speak) as base_url:
        timeouts = "{connect: 2, first_byte: 60, between_bytes: 60, total: 2}"
        client = await open_gateway(Limits(company_tokens=-1, timeouts=timeouts), base_url)
        request = f"{HEAD}Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}".encode()
        with socket.socket() as reader, capture_logs() as logs:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(reader, ("127.0.0.1", int(client.url.rpartition(":")[2])))
            await loop.sock_sendall(reader, request)
            taken = await loop.sock_recv(reader, 12)
            while not any(line["event"] == "call" for line in logs):
                with contextlib.suppress(BlockingIOError, ConnectionResetError):
                    taken += reader.recv(16)
                await asyncio.sleep(0.02)
            assert taken.startswith(b"HTTP/1.1 200")
        used, held = await client.company()
        assert held == 0
        assert used > taken.count(b'"content"')


LARGE_BYTES = 24 << 20
"""More than all the buffers on the way to a client."""


@contextlib.asynccontextmanager
async def large_answers() -> AsyncIterator[str]:
    """Give the base URL of a provider whose answers are large, and come at once."""
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    message = {"role": "assistant", "content": "a" * LARGE_BYTES}
    text = json.dumps({"id": "c", "choices": [{"index": 0, "message": message}], "usage": usage})

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        return web.Response(text=text, content_type="application/json")

    async with RawTestServer(answer) as server:
        yield str(server.make_url("/v1"))


async def test_a_whole_answer_that_is_taken_byte_by_byte_keeps_its_place_until_the_time_is_up(
    open_gateway: OpenGateway,
) -> None:
    """Until then it is a call in flight, and so many megabytes; then its connection ends. It was charged before."""
    async with large_answers() as base_url:
        timeouts = "{connect: 2, first_byte: 10, between_bytes: 10, total: 3}"
        client = await open_gateway(Limits(timeouts=timeouts, server=", max_in_flight: 1"), base_url)
        body = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]})
        request = f"{HEAD}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        with socket.socket() as reader:
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(reader, ("127.0.0.1", int(client.url.rpartition(":")[2])))
            await loop.sock_sendall(reader, request)
            assert await loop.sock_recv(reader, 12) == b"HTTP/1.1 200"
            async with client.chat("gpt-4o") as refused:
                assert refused.status == 503
            ended = False
            while not ended:
                await asyncio.sleep(0.05)
                try:
                    ended = reader.recv(64) == b""
                except BlockingIOError:
                    continue
                except ConnectionResetError:
                    ended = True
        assert await client.company() == (7, 0)
