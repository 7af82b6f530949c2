"""A body in many small chunks: aiohttp's parser holds bytes back by itself, and has to be told to go on."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.store.connection import Store
from tests.gateways import ADA_KEY, Client, Limits, gateway_running

NOWHERE = "http://127.0.0.1:9/v1"
HEAD = (
    "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    f"Authorization: Bearer {ADA_KEY}\r\nTransfer-Encoding: chunked\r\n\r\n"
).encode()
MOST_UNREAD = 16_384
"""So many chunks aiohttp keeps before it stops to read."""


@pytest.fixture
async def client(valkey_store: Store, tmp_path: Path) -> AsyncIterator[Client]:
    """Give a gateway."""
    async with gateway_running(valkey_store, tmp_path, NOWHERE, Limits()) as client:
        yield client


@pytest.mark.parametrize("chunks", [MOST_UNREAD - 1, MOST_UNREAD, MOST_UNREAD + 1, MOST_UNREAD + 2])
async def test_a_body_in_many_small_chunks_comes_to_its_end(client: Client, chunks: int) -> None:
    """Wherever one read ends among them, the rest is read too: the client hears of its body, not of its slowness."""
    address = urlsplit(client.url)
    with socket.create_connection((address.hostname or "", address.port or 0)) as raw:
        raw.sendall(HEAD + b"1\r\nx\r\n" * chunks)  # before the loop takes a turn: it arrives in one read
        await asyncio.sleep(0.3)
        raw.sendall(b"5\r\nhello\r\n0\r\n\r\n")
        raw.setblocking(False)
        async with asyncio.timeout(5):
            answer = await asyncio.get_running_loop().sock_recv(raw, 4096)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"JSON is malformed" in answer
