"""Raw TCP servers, for what no HTTP library would send, and for counting what arrives."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

TLS = Path(__file__).parent / "tls"
CA_FILE = str(TLS / "ca.pem")
PEERS = TLS.parents[1] / "store" / "tls"
CERT_FILE = str(PEERS / "peer.pem")
"""Ours, which another authority has signed for who asks."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Raw:
    """A listening server: its port, the connections it took and the requests it read (head and body)."""

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.port}"

    async def request(self, reader: asyncio.StreamReader) -> bytes:
        """Read one request with a Content-Length."""
        head = await reader.readuntil(b"\r\n\r\n")
        lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        body = await reader.readexactly(int(lengths[0].split(b":")[1])) if lengths else b""
        self.requests.append(head + body)
        return head + body


Handle = Callable[[Raw, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def answer_ok(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer every request with 200 and `ok`."""
    while True:
        await raw.request(reader)
        writer.write(OK)


async def say_nothing(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read all that comes and never answer."""
    raw.requests.append(await reader.read())


@asynccontextmanager
async def raw_server(
    handle: Handle = answer_ok, certificate: str | None = None, *, asks: bool = False
) -> AsyncIterator[Raw]:
    """Serve on loopback, over TLS with `tls/<certificate>.pem` if named; connections end with the context.

    `asks`: clients have to show a certificate, too.
    """
    raw = Raw()
    tasks: set[asyncio.Task[None]] = set()

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        raw.connections += 1
        with suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            await handle(raw, reader, writer)
        writer.close()
        tasks.discard(task)

    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(TLS / f"{certificate}.pem")
        if asks:
            context.load_verify_locations(PEERS / "ca.pem")
            context.verify_mode = ssl.CERT_REQUIRED
    server = await asyncio.start_server(take, "127.0.0.1", 0, ssl=context)
    raw.port = server.sockets[0].getsockname()[1]
    try:
        yield raw
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
