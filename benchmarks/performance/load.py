"""Calls over raw sockets: connections that are kept, one request after the other, latencies in ms."""

import asyncio
import json
import statistics
import time
from dataclasses import dataclass
from typing import cast

from benchmarks.performance.far import CHUNKS, PACED
from benchmarks.performance.servers import KEY, Server

BODY = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hello there, how are you today?"}]}
_END = b"\r\n0\r\n\r\n"


@dataclass(frozen=True)
class Kind:
    """One kind of load: so many callers at once, whole answers or streams."""

    concurrency: int
    stream: bool
    paced: bool = False

    @property
    def name(self) -> str:
        """Name it in a table."""
        what = f"{'paced ' if self.paced else ''}stream of {CHUNKS}" if self.stream else "whole"
        return f"{what}, {self.concurrency} at once"


@dataclass(frozen=True)
class Found:
    """What a round found: CPU of the server per call, latencies."""

    cpu_us: float
    p50_ms: float
    p99_ms: float


def _request(kind: Kind) -> bytes:
    fields = {"stream": True} if kind.stream else {}
    body = json.dumps(BODY | fields | ({"metadata": {"pace": PACED.decode()}} if kind.paced else {})).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {KEY}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Caller(asyncio.Protocol):
    """One connection; `call` sends a request and waits for the whole answer."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._answered: asyncio.Future[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Look whether the answer is whole: by its length, or by the last chunk."""
        self._received += data
        if self._answered is None or self._answered.done() or not self._is_whole():
            return
        if not self._received.startswith(b"HTTP/1.1 200"):
            self._answered.set_exception(AssertionError(bytes(self._received[:400])))
        else:
            self._answered.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail the call that waits."""
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(exc or ConnectionResetError("closed"))

    async def call(self, request: bytes) -> None:
        """Send a request and wait for its answer."""
        self._received.clear()
        self._answered = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        await self._answered

    def _is_whole(self) -> bool:
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        if not blank:
            return False
        length = head.lower().partition(b"content-length:")[2]
        if not length:
            return self._received.endswith(_END)
        return len(rest) >= int(length.split(b"\r\n", 1)[0])


async def measured(server: Server, kind: Kind, calls: int) -> Found:
    """Make so many calls and give what they cost."""
    loop, request = asyncio.get_running_loop(), _request(kind)
    callers = [(await loop.create_connection(_Caller, "127.0.0.1", server.port))[1] for _ in range(kind.concurrency)]
    latencies: list[float] = []
    left = iter(range(calls))

    async def work(caller: _Caller) -> None:
        for _ in left:
            started = time.perf_counter()
            await caller.call(request)
            latencies.append((time.perf_counter() - started) * 1000)

    before = server.cpu_seconds()
    try:
        await asyncio.gather(*(work(caller) for caller in callers))
        cpu_us = (server.cpu_seconds() - before) * 1e6 / calls
    finally:
        for caller in callers:
            caller.transport.close()
    latencies.sort()
    return Found(cpu_us, statistics.median(latencies), latencies[int(len(latencies) * 0.99)])
