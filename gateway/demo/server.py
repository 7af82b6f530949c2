"""The demo model's sockets: three routes on 127.0.0.1, a port that the system picks.

The one rule that matters: it shares the loop with the gateway that calls it, so long prompts are counted in a thread.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count as counter
from typing import Any

import msgspec
from aiohttp import web

from gateway.demo.answers import Count, Reply, TextCall, document, frames, reply_to
from gateway.demo.vectors import EmbeddingCall, embed

WORD_SECONDS = 0.01
INLINE_BYTES = 4096
BODY_LIMIT_BYTES = 134_217_728
SHUTDOWN_SECONDS = 1.0


@asynccontextmanager
async def demo_server(count: Count, *, word_seconds: float = WORD_SECONDS) -> AsyncIterator[str]:
    """Serve while the context lasts and give the base URL (`http://127.0.0.1:PORT/v1`); `count` counts tokens."""
    model = DemoModel(count, word_seconds)
    runner = web.AppRunner(model.app(), access_log=None, handler_cancellation=True, shutdown_timeout=SHUTDOWN_SECONDS)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


class DemoModel:
    """The three endpoints."""

    def __init__(self, count: Count, word_seconds: float) -> None:
        self._count = count
        self._word_seconds = word_seconds
        self._ids = counter(1)

    def app(self) -> web.Application:
        """Build the routes."""
        app = web.Application(client_max_size=BODY_LIMIT_BYTES)
        app.router.add_post("/v1/chat/completions", partial(self._text, is_chat=True))
        app.router.add_post("/v1/completions", partial(self._text, is_chat=False))
        app.router.add_post("/v1/embeddings", self._embeddings)
        return app

    async def _text(self, request: web.Request, *, is_chat: bool) -> web.StreamResponse:
        raw = await request.read()
        try:
            call, reply = await _aside(raw, partial(self._compose, raw, is_chat=is_chat))
        except msgspec.DecodeError as exc:
            return _refuse(exc)
        if call.stream:
            return await self._stream(request, reply)
        return _json(document(reply, int(time.time())))

    def _compose(self, raw: bytes, *, is_chat: bool) -> tuple[TextCall, Reply]:
        call = msgspec.json.decode(raw, type=TextCall)
        reply_id = f"{'chatcmpl' if is_chat else 'cmpl'}-demo-{next(self._ids)}"
        return call, reply_to(call, self._count, reply_id=reply_id, is_chat=is_chat)

    async def _stream(self, request: web.Request, reply: Reply) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        for frame in frames(reply, int(time.time())):
            await response.write(b"data: " + msgspec.json.encode(frame) + b"\n\n")
            await asyncio.sleep(self._word_seconds)
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    async def _embeddings(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        try:
            return _json(await _aside(raw, lambda: embed(msgspec.json.decode(raw, type=EmbeddingCall), self._count)))
        except msgspec.DecodeError as exc:
            return _refuse(exc)


async def _aside(raw: bytes, work: Any) -> Any:
    return work() if len(raw) <= INLINE_BYTES else await asyncio.to_thread(work)


def _json(data: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(data), status=status, content_type="application/json")


def _refuse(reason: msgspec.DecodeError) -> web.Response:
    error = {"message": str(reason), "type": "invalid_request_error", "param": None, "code": None}
    return _json({"error": error}, status=400)
