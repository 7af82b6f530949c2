"""The far end's server: it serves, misbehaves as told, and keeps a true account of what it served."""

import asyncio
import fcntl
import socket
import struct
import sys
import termios
import time
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from itertools import count as counter
from typing import Any

import msgspec
from aiohttp import web

from tests.provider import counting, frames, responses
from tests.provider.script import BadScript, Script, parse

BODY_LIMIT_BYTES = 256 * 1024 * 1024
SENT_SECONDS = 1.0
_OPERATIONS = ("chat/completions", "completions", "embeddings")
_RESPONSES = ("responses", "responses/compact", "responses/input_tokens")
PATHS = (
    *(f"/v1/{name}" for name in (*_OPERATIONS, *_RESPONSES)),
    *(f"/openai/v1/{name}" for name in (*_OPERATIONS, *_RESPONSES)),
    *(f"/openai/{name}" for name in _RESPONSES),
    *(f"/openai/deployments/{{model}}/{name}" for name in _OPERATIONS),
)
GATE = web.AppKey("gate", asyncio.Event)
NAUGHTY = {
    "Set-Cookie": "session=stolen",
    "Authorization": "Bearer leaked",
    "Server": "secret-backend/1.0",
    "X-Internal": "10.0.0.7",
    "X-Listed": "hop",
    "Connection": "X-Listed",
    "Keep-Alive": "timeout=5",
    "Proxy-Authenticate": "Basic",
}


@dataclass(slots=True)
class Entry:
    """What was really served to one request; `outcome` is running, finished, cut, left, failed or refused."""

    id: str
    path: str
    headers: list[tuple[str, str]]
    body: str
    model: str = ""
    stream: bool = False
    prompt_tokens: int = 0
    completion_tokens: int = 0
    outcome: str = "running"


class Cut(Exception):
    """The connection was ended on purpose."""


class Wire:
    """The body of one answer: compresses, splits, cuts and stalls as the script says."""

    def __init__(self, request: web.Request, response: web.StreamResponse, script: Script) -> None:
        self.gate = request.app[GATE]
        self._request, self._response, self._script = request, response, script
        self._written_bytes = 0
        bits = 31 if script.gzip else zlib.MAX_WBITS
        self._packer = zlib.compressobj(wbits=bits) if script.gzip or script.deflate else None

    async def write(self, data: bytes) -> None:
        """Write it all, or as much as the script allows. Cut."""
        if self._packer is not None:
            data = self._packer.compress(data) + self._packer.flush(zlib.Z_SYNC_FLUSH)
        await self._split(data)

    async def end(self) -> None:
        """Write what ends the body."""
        if self._packer is not None:
            await self._split(self._packer.flush())
        await self._response.write_eof()

    async def _split(self, data: bytes) -> None:
        size = self._script.chunk or max(1, len(data))
        for at in range(0, len(data), size):
            await self._limited(data[at : at + size])
            if self._script.chunk:
                await asyncio.sleep(0)

    async def _limited(self, data: bytes) -> None:
        ends = [at for at in (self._script.cut, self._script.fin, self._script.stall) if at is not None]
        room = min(ends, default=1 << 60) - self._written_bytes
        if data[:room]:
            await self._response.write(data[:room])
            self._written_bytes += len(data[:room])
        if len(data) >= room:
            await self._stop()

    async def _stop(self) -> None:
        transport = self._request.transport
        if self._script.stall is not None:
            await asyncio.Event().wait()
        if transport is not None:
            if self._script.cut is not None:  # a reset, not an orderly end
                await _all_sent(transport)
                transport.get_extra_info("socket").setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            transport.close()
        raise Cut


class FarEnd:
    """The application and its log."""

    def __init__(self, key: str | None) -> None:
        self._key = key
        self._ids = counter(1)
        self.log: list[Entry] = []

    def app(self) -> web.Application:
        """Build the routes."""
        app = web.Application(client_max_size=BODY_LIMIT_BYTES)
        app[GATE] = asyncio.Event()
        for path in PATHS:
            app.router.add_post(path, self._serve)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/_log", self._show_log)
        app.router.add_get("/_served", self._show_served)
        app.router.add_post("/_reset", self._reset)
        app.router.add_post("/_open", self._open)
        return app

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        entry = Entry(f"{next(self._ids)}", request.path, list(request.headers.items()), raw.decode("utf-8", "replace"))
        self.log.append(entry)
        try:
            response = await self._answer(request, raw, entry)
        except asyncio.CancelledError:
            entry.outcome = "left"
            raise
        except ConnectionResetError:
            entry.outcome = "left"
            return web.Response()  # nobody is there to read it, and it is no error to print
        except Cut:
            entry.outcome = "cut"
            return web.Response()
        if entry.outcome == "running":
            entry.outcome = "finished"
        return response

    async def _answer(self, request: web.Request, raw: bytes, entry: Entry) -> web.StreamResponse:
        if (refusal := self._refusal(request)) is not None:
            entry.outcome = "refused"
            return refusal
        try:
            body = {**msgspec.json.decode(raw), **request.match_info}
            script = parse(body["model"])
        except (msgspec.DecodeError, BadScript, KeyError, TypeError, AttributeError) as error:
            entry.outcome = "refused"
            return _error(400, f"bad request: {error}")
        if script.call:
            script = replace(script, tools=not frames.has_result(body))
        entry.model, entry.stream = body["model"], bool(body.get("stream"))
        if body.get("stream_options") and not entry.stream:
            entry.outcome = "refused"
            return _error(400, "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
        if script.deaf and "stream_options" in body:
            entry.outcome = "refused"
            return _error(400, "Unknown parameter: 'stream_options'.")
        await asyncio.sleep(script.first / 1000)
        if (failure := await _failure(request, script)) is not None:
            entry.outcome = "failed"
            return failure
        entry.prompt_tokens = counting.prompt_tokens(body) if script.prompt is None else script.prompt
        is_chat = request.path.endswith("/chat/completions")
        reply = frames.Reply(f"cmpl-{entry.id}", script, body, entry.prompt_tokens, is_chat)
        return await _deliver(request, reply, entry)

    def _refusal(self, request: web.Request) -> web.Response | None:
        if self._key is None or request.headers.get("Authorization") == f"Bearer {self._key}":
            return None
        if request.headers.get("api-key") == self._key:
            return None
        return _error(401, "Incorrect API key provided.")

    async def _models(self, request: web.Request) -> web.Response:
        data = [{"id": name, "object": "model", "created": 1, "owned_by": "tests"} for name in ("ok", "m:tokens-40")]
        return web.json_response({"object": "list", "data": data})

    async def _show_log(self, request: web.Request) -> web.Response:
        return web.json_response([asdict(entry) for entry in self.log])

    async def _show_served(self, request: web.Request) -> web.Response:
        outcomes = [entry.outcome for entry in self.log]
        return web.json_response(
            {
                "requests": len(self.log),
                "prompt_tokens": sum(entry.prompt_tokens for entry in self.log),
                "completion_tokens": sum(entry.completion_tokens for entry in self.log),
                **{name: outcomes.count(name) for name in ("running", "finished", "cut", "left", "failed", "refused")},
            }
        )

    async def _reset(self, request: web.Request) -> web.Response:
        self.log.clear()
        request.app[GATE].clear()
        return web.json_response({})

    async def _open(self, request: web.Request) -> web.Response:
        request.app[GATE].set()
        return web.json_response({})


async def _all_sent(transport: asyncio.Transport) -> None:
    """Wait until the other side's kernel has what was written: a reset takes along what it has not."""
    sock = transport.get_extra_info("socket")
    deadline = time.monotonic() + SENT_SECONDS
    while (transport.get_write_buffer_size() or _unsent_bytes(sock)) and time.monotonic() < deadline:  # noqa: ASYNC110 - the kernel sets no event
        await asyncio.sleep(0.001)


def _unsent_bytes(sock: socket.socket) -> int:
    """Give what the other side has not acknowledged; 0 where only Linux would know (tcp(7), SIOCOUTQ)."""
    if sys.platform != "linux":
        return 0
    return int(struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))[0])


async def _failure(request: web.Request, script: Script) -> web.Response | None:
    transport = request.transport
    assert transport is not None
    if script.silent:
        await asyncio.Event().wait()
    if script.garbage:
        transport.write(b"\x00\x01 this is not HTTP\r\n\r\n")
        transport.close()
        raise Cut
    if script.redirect is not None:
        return web.Response(status=307, headers={"Location": f"http://127.0.0.1:{script.redirect}/v1/chat/completions"})
    if script.status != 200:
        retry = {} if script.retry is None else {"Retry-After": str(script.retry)}
        heard = f" It heard {dict(request.headers)}." if script.leak else ""
        return _error(script.status, f"The far end was told to fail.{heard}", retry)
    return None


async def _deliver(request: web.Request, reply: frames.Reply, entry: Entry) -> web.StreamResponse:
    script = reply.script
    response = web.StreamResponse(headers=_headers(script, entry))
    is_embedding = request.path.endswith("/embeddings")
    is_stream = entry.stream and not is_embedding and script.bomb is None
    response.content_type = "text/event-stream" if is_stream else "application/json"
    send = _send_stream if is_stream else _send_document
    wire = Wire(request, response, script)
    if script.gate is not None and not is_stream:
        await request.app[GATE].wait()
    if (writer := await response.prepare(request)) is not None:
        writer.send_headers()  # else aiohttp would keep them for the first byte of the body
    await send(wire, reply, entry)
    await wire.end()
    if script.extra and request.transport is not None:
        late = b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\nnobody asked this"
        asyncio.get_running_loop().call_later(0.05, request.transport.write, late)
    return response


async def _send_document(wire: Wire, reply: frames.Reply, entry: Entry) -> None:
    script = reply.script
    if script.bomb is not None:
        packer = zlib.compressobj(9, wbits=31)
        for _ in range(script.bomb):
            await wire.write(packer.compress(b" " * 1_048_576))
        return await wire.write(packer.flush())
    if entry.path.endswith("/embeddings"):
        return await wire.write(msgspec.json.encode(frames.embeddings(reply)))
    if entry.path.endswith("/input_tokens"):
        told = {"object": "response.input_tokens", "input_tokens": entry.prompt_tokens}
        entry.prompt_tokens = 0  # a count is free
        return await wire.write(msgspec.json.encode(told))
    answer, completion = _document(entry.path)(reply)
    await asyncio.sleep(script.delay * completion / 1000)
    # A provider bills what it generated, whether or not the answer got through.
    entry.completion_tokens = completion
    return await wire.write(b"{not json" if script.badjson else msgspec.json.encode(answer))


def _document(path: str) -> Callable[[frames.Reply], tuple[dict[str, Any], int]]:
    if path.endswith("/responses"):
        return responses.document
    return responses.compaction if path.endswith("/compact") else frames.document


async def _send_stream(wire: Wire, reply: frames.Reply, entry: Entry) -> None:
    script = reply.script
    end = b"\r\n" if script.crlf else b"\n"
    await asyncio.sleep(script.delay * script.think / 1000)
    entry.completion_tokens = script.think
    is_response = entry.path.endswith("/responses")
    for frame in responses.stream(reply) if is_response else frames.stream(reply):
        if script.gate is not None and entry.completion_tokens - script.think >= script.gate:
            await wire.gate.wait()
        if frame.waits and script.delay:
            await asyncio.sleep(script.delay / 1000)
        if script.error is not None and entry.completion_tokens - script.think >= script.error:
            failure = {"error": {"message": "The far end broke off.", "type": "server_error", "code": "overloaded"}}
            return await wire.write(b"data: " + msgspec.json.encode(failure) + end * 2)
        if script.ping:
            await wire.write(b": ping" + end * 2)
        text = b"[DONE]" if frame.data is None else msgspec.json.encode(frame.data)
        name = b"event: " + frame.data["type"].encode() + end if is_response and frame.data else b""
        await wire.write(name + b"data: " + (b"{not json" if script.badjson else text) + end * 2)
        entry.completion_tokens += frame.tokens
    return None


def _headers(script: Script, entry: Entry) -> dict[str, str]:
    headers = {"x-request-id": f"far-{entry.id}"}
    coding = "gzip" if script.gzip or script.bomb else "deflate" if script.deflate else "br" if script.br else None
    if coding is not None:
        headers["Content-Encoding"] = coding
    return headers | (NAUGHTY if script.naughty else {})


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
    error = {"message": message, "type": "server_error" if status >= 500 else "invalid_request_error", "code": None}
    return web.json_response({"error": {**error, "param": None}}, status=status, headers=headers)


async def serve(port: int, key: str | None, announce: Callable[[int], Awaitable[None] | None]) -> None:
    """Serve on loopback until cancelled; `announce` gets the port once it listens."""
    runner = web.AppRunner(FarEnd(key).app(), access_log=None, handler_cancellation=True)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024, reuse_address=True)
        await site.start()
        announce(runner.addresses[0][1])
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def main(port: int, key: str | None) -> None:
    """Load the vocabulary first, so that no request waits for it; then serve."""
    counting.count("warm")
    asyncio.run(serve(port, key, _announce))


def _announce(port: int) -> None:
    line: dict[str, Any] = {"port": port}
    print(msgspec.json.encode(line).decode(), flush=True)  # noqa: T201 - the parent reads this line
