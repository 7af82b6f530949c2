"""A client that does not read: the gateway stops reading its provider, and what waits in between stays small."""

import asyncio
import socket
from pathlib import Path

from gateway.store.connection import Store
from tests.gateways import Limits, gateway_running
from tests.upstream.raw import raw_server
from tests.upstream.test_pressure import EVENT, EVENTS, Talker
from tests.wire import request

MOST_BYTES = len(EVENT) * EVENTS // 4
STREAM = b'{"model":"m:","stream":true,"messages":[{"role":"user","content":"Hello"}]}'


async def test_a_client_that_does_not_read_holds_its_provider_up(valkey_store: Store, tmp_path: Path) -> None:
    """When it is dropped, its provider has written a small part of its answer: the rest was never taken."""
    talker = Talker()
    async with raw_server(talker.serve) as raw:
        limits = Limits(company_tokens=-1, stall_seconds=0.5)
        async with gateway_running(valkey_store, tmp_path, raw.origin, limits) as client:
            with socket.socket() as stalled:
                stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                stalled.setblocking(False)
                loop = asyncio.get_running_loop()
                await loop.sock_connect(stalled, ("127.0.0.1", int(client.url.rpartition(":")[2])))
                await loop.sock_sendall(stalled, request("POST", "/v1/chat/completions", body=STREAM))
                assert await loop.sock_recv(stalled, 12) == b"HTTP/1.1 200"
                await talker.is_over.wait()
            assert 0 < talker.written_bytes < MOST_BYTES
            used, held = await client.company()
            assert (used > 0, held) == (True, 0)
