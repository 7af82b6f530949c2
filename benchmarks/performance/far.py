"""The far end, and the pass-throughs that the gateway is compared with: `... .far ROLE PORT [ORIGIN]`.

`bare` is as lean as aiohttp gets, on uvloop: no application, no routes. `plain` is what most people would write: an
application with a route, on the event loop that Python has.
"""

import asyncio
import json
import sys
from typing import cast

import uvloop
from aiohttp import ClientSession, TCPConnector, web

CHUNKS = 100
PACE_SECONDS = 0.01
PACED = b"one chunk after the other"
"""Said by a request whose stream is paced."""
PROMPT_TOKENS, COMPLETION_TOKENS = 14, 50
ANSWER = json.dumps({
    "id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "word " * 50}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": COMPLETION_TOKENS, "total_tokens": 64},
}).encode()  # fmt: skip
HEAD = b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-4o-mini","choices":'
CHUNK = HEAD + b'[{"index":0,"delta":{"content":" word"},"finish_reason":null}],"usage":null}\n\n'
USAGE = HEAD + b'[],"usage":{"prompt_tokens":14,"completion_tokens":100,"total_tokens":114}}\n\n'
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(ANSWER), ANSWER)
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunked(data: bytes) -> bytes:
    """Frame a chunk (RFC 9112 section 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)


class Provider(asyncio.Protocol):
    """Answers at once, or streams a hundred chunks: as fast as they are read, or one every `PACE_SECONDS`.

    Chunks that are not paced arrive several at a time; a model's come one by one.
    """

    def __init__(self) -> None:
        self._received = b""
        self._streaming: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole; its length stands in Content-Length."""
        self._received += data
        head, blank, rest = self._received.partition(b"\r\n\r\n")
        if not blank:
            return
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        if len(rest) < length:
            return
        self._received = b""
        if b'"stream":true' in rest.replace(b" ", b""):
            pause = PACE_SECONDS if PACED in rest else 0.0
            self._streaming = asyncio.get_running_loop().create_task(self._stream(pause))
        else:
            self._transport.write(WHOLE)

    async def _stream(self, pause_seconds: float) -> None:
        self._transport.write(STREAM)
        for _ in range(CHUNKS):
            self._transport.write(chunked(CHUNK))
            await asyncio.sleep(pause_seconds)
        self._transport.write(chunked(USAGE) + chunked(b"data: [DONE]\n\n") + b"0\r\n\r\n")


def passing(origin: str, session: ClientSession):  # noqa: ANN201 - a handler
    """Pass a request on and its answer back, and nothing else."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        headers = {"Content-Type": "application/json", "Authorization": "Bearer x"}
        async with session.post(origin + request.path, data=await request.read(), headers=headers) as answer:
            response = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
            await response.prepare(request)
            async for chunk in answer.content.iter_any():
                await response.write(chunk)
            await response.write_eof()
            return response

    return handle


def runner(role: str, handler) -> web.BaseRunner:  # noqa: ANN001
    """Give what serves a handler, with no access log."""
    if role == "bare":
        return web.ServerRunner(web.Server(handler, access_log=None))
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    return web.AppRunner(application, access_log=None)


async def serve(role: str, port: int, origin: str) -> None:
    """Run one of them until the pipe closes."""
    if role == "provider":
        await asyncio.get_running_loop().create_server(Provider, "127.0.0.1", port)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        return
    async with ClientSession(connector=TCPConnector(limit=0), auto_decompress=False) as session:
        server = runner(role, passing(origin, session))
        await server.setup()
        await web.TCPSite(server, "127.0.0.1", port).start()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    run = asyncio.run if sys.argv[1] == "plain" else uvloop.run
    run(serve(sys.argv[1], int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else ""))
