"""A far end that speaks Gemini's language, as its documentation shows it, and remembers what it was asked.

(https://ai.google.dev/api/generate-content, .../api/tokens, .../api/embeddings)
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

WORDS = ("Bud", "get", "s", " hold", " what", " they", " say")
METHODS = ("generateContent", "streamGenerateContent", "countTokens", "embedContent", "batchEmbedContents")
RESPONSE_ID = "ru1"


@dataclass
class Plan:
    """How the next answers are: their parts and usage, and where a stream waits, breaks or tells an error.

    Each part is a chunk of a stream; `wait_at`, `break_at` and `error_at` count chunks, between which `delay_seconds`
    lie. `usages` are those of the chunks, the last one that of an answer in one piece; a missing one says nothing.
    """

    status: int = 200
    parts: list[dict[str, Any]] = field(default_factory=lambda: said(3))
    usages: list[dict[str, Any] | None] = field(default_factory=lambda: [counts(10, 1), counts(10, 2), counts(10, 3)])
    finish: str = "STOP"
    wait_at: int | None = None
    break_at: int | None = None
    error_at: int | None = None
    delay_seconds: float = 0


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    target: str
    headers: dict[str, str]
    body: dict[str, Any]


def counts(prompt: int, candidates: int, **others: int) -> dict[str, Any]:
    """Give a usage with its total."""
    total = prompt + candidates + others.get("thoughtsTokenCount", 0) + others.get("toolUsePromptTokenCount", 0)
    told = {"promptTokenCount": prompt, "candidatesTokenCount": candidates, "totalTokenCount": total}
    return told | others | {"promptTokensDetails": [{"modality": "TEXT", "tokenCount": prompt}]}


def said(words: int) -> list[dict[str, Any]]:
    """Give so many parts of one token each."""
    return [{"text": WORDS[at % len(WORDS)]} for at in range(words)]


class FarEnd:
    """The server's state; a test sets `plan`."""

    def __init__(self) -> None:
        self.plan = Plan()
        self.asked: list[Asked] = []
        self.gate = asyncio.Event()
        self.sent_chunks = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer as planned."""
        body = await request.json()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(request.path_qs, headers, body))
        model, _, method = request.match_info["name"].rpartition(":")
        if method not in METHODS:
            raise web.HTTPNotFound
        if self.plan.status != web.HTTPOk.status_code:
            return web.json_response(_error(self.plan.status), status=self.plan.status)
        if method == "streamGenerateContent":
            return await self._stream(request, model)
        return web.json_response(self._whole(model, method, body))

    def _whole(self, model: str, method: str, body: dict[str, Any]) -> dict[str, Any]:
        match method:
            case "countTokens":
                return {"totalTokens": 31, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 31}]}
            case "embedContent":
                return {"embedding": {"values": [0.5, 0.25]}, "usageMetadata": {"promptTokenCount": 4}}
            case "batchEmbedContents":
                vectors = [{"values": [0.5, 0.25]} for _ in body["requests"]]
                return {"embeddings": vectors, "usageMetadata": {"promptTokenCount": 4 * len(vectors)}}
            case _:
                return self._chunk(model, self.plan.parts, self.plan.usages[-1], self.plan.finish)

    def _chunk(
        self, model: str, parts: list[dict[str, Any]], usage: dict[str, Any] | None, finish: str | None
    ) -> dict[str, Any]:
        ended = {"finishReason": finish} if finish else {}
        told = {} if usage is None else {"usageMetadata": usage}
        candidate = {"content": {"parts": parts, "role": "model"}, **ended, "index": 0}
        return {"candidates": [candidate], **told, "modelVersion": model, "responseId": RESPONSE_ID}

    async def _stream(self, request: web.Request, model: str) -> web.StreamResponse:
        is_events = request.query.get("alt") == "sse"
        kind = "text/event-stream" if is_events else "application/json; charset=UTF-8"
        response = web.StreamResponse(headers={"Content-Type": kind})
        await response.prepare(request)
        self.sent_chunks = 0
        plan = self.plan
        for place, part in enumerate(plan.parts):
            if place == plan.break_at and request.transport is not None:
                await asyncio.sleep(0.05)
                request.transport.abort()
                return response
            if place == plan.wait_at:
                await self.gate.wait()
            is_last = place == len(plan.parts) - 1
            usage = plan.usages[place] if place < len(plan.usages) else None
            chunk = self._chunk(model, [part], usage, plan.finish if is_last else None)
            if place == plan.error_at:
                chunk = _error(503)
            await response.write(_framed(chunk, place, is_events=is_events))
            await asyncio.sleep(plan.delay_seconds)
            self.sent_chunks += 1
            if place == plan.error_at:
                break
        await response.write(b"" if is_events else b"\n]\n")
        return response


def _framed(chunk: dict[str, Any], place: int, *, is_events: bool) -> bytes:
    if is_events:
        return f"data: {json.dumps(chunk)}\r\n\r\n".encode()
    return (",\r\n" if place else "[").encode() + json.dumps(chunk, indent=2).encode() + b"\n"


def _error(code: int) -> dict[str, Any]:
    return {"error": {"code": code, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}


@asynccontextmanager
async def far_end_serving() -> AsyncIterator[tuple[FarEnd, str]]:
    """Give a far end and its origin, on a free port of loopback."""
    far = FarEnd()
    app = web.Application(client_max_size=64 << 20)
    app.router.add_post("/v1beta/models/{name}", far.serve)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield far, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        far.gate.set()
        await runner.cleanup()
