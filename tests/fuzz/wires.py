"""HTTP as clients never write it, on a real socket pair: every answer is whole, ours, and no 500."""

import asyncio
import re
import socket
from functools import cache
from types import SimpleNamespace
from typing import Any

from aiohttp import web
from structlog.testing import capture_logs

from gateway.api.entry import Entry
from gateway.app.server import App
from gateway.config import Server
from gateway.pipeline.arrival import read_body
from gateway.pipeline.bodies import Bodies
from tests.fuzz.cases import mutated, numbered, read_case

_HEAD = b"Host: gateway.example\r\n"
_REQUESTS = [
    b"POST /echo HTTP/1.1\r\n" + _HEAD + b"Content-Length: 5\r\n\r\nhello",
    b"POST /echo HTTP/1.1\r\n" + _HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
    b"POST /echo HTTP/1.1\r\n" + _HEAD + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}",
    b"GET /echo?a=b HTTP/1.1\r\n" + _HEAD + b"Connection: close\r\n\r\n",
    b"GET /none HTTP/1.0\r\n\r\n",
    b"OPTIONS * HTTP/1.1\r\n" + _HEAD + b"\r\n",
    b"CONNECT a:1 HTTP/1.1\r\n" + _HEAD + b"\r\n",
    b"GET /echo HTTP/1.1\r\n" + _HEAD + b"Upgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
]
CASES = numbered(
    mutated([*_REQUESTS, b"".join(_REQUESTS[:4]), b"\r\nContent-Length: 3\r\nTransfer-Encoding: gzip\r\n"])
)
TURNS = 12
"""How many turns of the loop a chunk has: an answer takes three."""
MOST_BODY_BYTES = 1 << 16
CONTINUE, OK, BAD_REQUEST = 100, 200, 400
STATUSES = {200, 400, 404, 405, 408, 413, 415, 421, 503}
_STATUS = re.compile(rb"HTTP/([0-9]\.[0-9]) ([0-9]{3}) [A-Za-z ]+")


@cache
def _served() -> tuple[asyncio.AbstractEventLoop, App, list[bytes]]:
    """Give a loop of its own, an app of one endpoint, and the bodies that this has read."""
    bodies: list[bytes] = []

    async def echo(gateway: Any, request: web.BaseRequest, _id: str, _params: Any) -> web.Response:
        bodies.append(await read_body(request, MOST_BODY_BYTES, gateway.bodies.load("key", terms)))
        return web.Response(body=bodies[-1])

    terms = Server("127.0.0.1", 0, MOST_BODY_BYTES, 5)
    gateway: Any = SimpleNamespace(
        config=SimpleNamespace(server=terms, keys=()),
        metrics=SimpleNamespace(turned_away=lambda *_: None),
        holds=SimpleNamespace(count=0),
        bodies=Bodies(),
    )
    return asyncio.new_event_loop(), App(gateway, {"/echo": Entry({"POST": echo, "GET": echo})}), bodies


async def _said(app: App, chunks: list[bytes]) -> bytes:
    """Send chunks; give all that is answered to them."""
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.setblocking(False)
        transport, _ = await loop.connect_accepted_socket(app.server(), ours)
        said = b""
        for chunk in chunks:
            if not transport.is_closing():
                await loop.sock_sendall(theirs, chunk)
            for _ in range(TURNS):
                await asyncio.sleep(0)
        while True:
            try:
                piece = theirs.recv(1 << 16)
            except BlockingIOError:
                break
            if not piece:
                break
            said += piece
        transport.abort()
        await asyncio.sleep(0)
    return said


def http(case: bytes) -> None:
    """Check what is answered: whole answers of ours, nothing after one that ends the connection."""
    one = read_case(case)
    loop, app, bodies = _served()
    bodies.clear()
    with capture_logs() as lines:
        said = loop.run_until_complete(_said(app, one.chunks(one.data, 0)))
    assert not [line for line in lines if line["log_level"] == "error"]
    answers, is_over = 0, False
    while said:
        head, _, said = said.partition(b"\r\n\r\n")
        first, *rest = head.split(b"\r\n")
        match = _STATUS.fullmatch(first)
        assert match is not None, first
        version, status = match[1], int(match[2])
        if status == CONTINUE:
            continue
        assert not is_over
        assert status in STATUSES, first
        assert version in {b"1.0", b"1.1"} or status == BAD_REQUEST, first
        fields = {name.lower(): value for name, _, value in (line.partition(b": ") for line in rest)}
        assert fields[b"server"] == b"token-budget-gateway"
        is_over = fields.get(b"connection") == b"close"
        size = int(fields.get(b"content-length", b"0"))
        assert len(said) >= size
        said = said[size:]
        answers += status == OK
    assert answers <= len(bodies)
    assert all(len(body) <= MOST_BODY_BYTES for body in bodies)
