"""Many small chunks in one read: aiohttp's parser holds bytes back by itself, and has to be told to go on."""

import asyncio

import pytest

from gateway.upstream import Upstream
from tests.upstream.conftest import provider_at
from tests.upstream.raw import Raw, raw_server

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
REST = b"1\r\ny\r\n1\r\nz\r\n0\r\n\r\n"


@pytest.mark.parametrize("chunks", [1, 255, 256, 257, 258, 300, 1000])
async def test_an_answer_in_many_small_chunks_comes_to_its_end(upstream: Upstream, chunks: int) -> None:
    """Wherever a read ends among them, what follows is read too, and the end is known as one."""
    has_read = asyncio.Event()

    async def serve(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw.request(reader)
        writer.write(HEAD + b"1\r\nx\r\n" * chunks)
        await has_read.wait()
        writer.write(REST)

    body = b""
    async with (
        asyncio.timeout(5),
        raw_server(serve) as raw,
        upstream.send(provider_at(raw.origin), "/", b"{}", {}) as answer,
    ):
        async for piece in answer.chunks():
            body += piece
            if len(body) == chunks:
                has_read.set()
    assert body == b"x" * chunks + b"yz"
