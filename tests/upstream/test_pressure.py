"""An answer that is not read waits at its provider."""

import asyncio

from gateway.upstream import Upstream
from gateway.upstream.connection import READ_BUFFER_BYTES
from gateway.upstream.wire import READ_BYTES
from tests.store.servers import until
from tests.upstream.conftest import provider_at
from tests.upstream.raw import Raw, raw_server

EVENT = b'data: {"choices":[{"index":0,"delta":{"content":"' + b"word " * 800 + b'"}}]}\n\n'
EVENTS = 32_768
"""Of 4 KiB each: far more than sockets hold on their own, which is some megabytes."""


class Talker:
    """A provider that writes as long as it is read."""

    def __init__(self) -> None:
        self.written_bytes = 0
        self.is_over = asyncio.Event()

    async def serve(self, raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request with a stream."""
        try:
            await raw.request(reader)
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
            for _ in range(EVENTS):
                writer.write(EVENT)
                await writer.drain()
                self.written_bytes += len(EVENT)
        finally:
            self.is_over.set()


async def test_an_answer_that_is_not_read_waits_at_the_provider(upstream: Upstream) -> None:
    """Reading from the socket stops at twice the buffer; who then reads gets every byte."""
    talker = Talker()
    async with (
        raw_server(talker.serve) as raw,
        upstream.send(provider_at(raw.origin), "/", b"{}", {}) as answer,
    ):
        content = answer._content
        await until(lambda: content._protocol._reading_paused or talker.is_over.is_set())
        assert not talker.is_over.is_set()
        assert sum(map(len, content._buffer)) <= 2 * READ_BUFFER_BYTES + READ_BYTES
        read_bytes = 0
        async for chunk in answer.chunks():
            read_bytes += len(chunk)
    assert read_bytes == len(EVENT) * EVENTS == talker.written_bytes
