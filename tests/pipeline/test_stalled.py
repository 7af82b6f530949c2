"""A client that reads nothing keeps nothing."""

import asyncio
import json
import socket

from tests.gateways import ADA_KEY, Limits
from tests.pipeline.conftest import OpenGateway
from tests.provider.process import ProviderProcess

BODY = json.dumps({
    "model": "gpt-4o/m:tokens-40000",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 50_000,
    "stream": True,
})  # fmt: skip
HEAD = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {ADA_KEY}\r\n"


async def test_a_reader_that_stalls_has_left(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """A stream whose client takes nothing for `stall_seconds` ends, and is charged for what had come."""
    client = await open_gateway(Limits(stall_seconds=0.5))
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
        used, held = await client.company()
    assert held == 0
    assert 0 < used < 50_000
    assert (await far.settled())["requests"] == 1
