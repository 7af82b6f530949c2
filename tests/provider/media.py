"""A far end for sounds, pictures, moderations and rankings, as OpenAI's, vLLM's and Cohere's documentation show them.

It reads forms with aiohttp's own reader, so the gateway's writing is judged by a second implementation.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

TRANSCRIPT = {
    "text": "Honestly.",
    "usage": {
        "type": "tokens",
        "total_tokens": 169,
        "input_tokens": 122,
        "input_token_details": {"text_tokens": 0, "audio_tokens": 122},
        "output_tokens": 47,
    },
}
PICTURE = {
    "created": 1713833628,
    "data": [{"b64_json": "iVBORw=="}],
    "usage": {
        "total_tokens": 322,
        "input_tokens": 50,
        "output_tokens": 272,
        "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    },
}
MODERATION = {
    "id": "modr-1",
    "model": "omni-moderation-latest",
    "results": [{"flagged": True, "categories": {"violence": True}, "category_scores": {"violence": 0.9}}],
}
RANKING = {
    "id": "rerank-1",
    "model": "m",
    "usage": {"total_tokens": 56},
    "results": [{"index": 1, "relevance_score": 1}],
}


@dataclass
class Plan:
    """How the next answer is: JSON, or pieces of another type; `break_at` cuts it, `wait_at` waits for the gate."""

    body: Any = None
    pieces: list[bytes] | None = None
    content_type: str = "text/event-stream"
    status: int = 200
    break_at: int | None = None
    wait_at: int | None = None


@dataclass(frozen=True)
class Asked:
    """One request as it arrived; of a form, files are (name, type, bytes), and each value stands in a list."""

    target: str
    headers: dict[str, str]
    fields: dict[str, Any]


def events(*values: dict[str, Any]) -> list[bytes]:
    """Give events, one a piece."""
    return [f"event: {value['type']}\ndata: {json.dumps(value)}\n\n".encode() for value in values]


class FarEnd:
    """The server's state; a test sets `plan`."""

    def __init__(self) -> None:
        self.plan = Plan()
        self.asked: list[Asked] = []
        self.gate = asyncio.Event()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer as planned, else with the operation's documented answer."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        is_form = request.content_type == "multipart/form-data"
        fields = await _form(request) if is_form else await request.json()
        self.asked.append(Asked(request.path_qs, headers, fields))
        if self.plan.pieces is not None:
            return await self._flow(request, self.plan.pieces)
        return web.json_response(self.plan.body or _documented(request.path), status=self.plan.status)

    async def _flow(self, request: web.Request, pieces: list[bytes]) -> web.StreamResponse:
        response = web.StreamResponse(status=self.plan.status, headers={"Content-Type": self.plan.content_type})
        await response.prepare(request)
        for at, piece in enumerate(pieces):
            if at == self.plan.break_at and request.transport is not None:
                request.transport.abort()
                break
            if at == self.plan.wait_at:
                await self.gate.wait()
            await response.write(piece)
        return response


async def _form(request: web.Request) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in (await request.post()).items():
        fields.setdefault(name, []).append(_file(value) if isinstance(value, web.FileField) else value)
    return fields


def _file(value: web.FileField) -> tuple[str, str, bytes]:
    with value.file as file:
        return value.filename, value.content_type, file.read()


def _documented(path: str) -> dict[str, Any]:
    if "/audio/" in path:
        return TRANSCRIPT
    if "/images/" in path:
        return PICTURE
    return MODERATION if path.endswith("/moderations") else RANKING


@asynccontextmanager
async def far_end_serving() -> AsyncIterator[tuple[FarEnd, str]]:
    """Serve on a free port of loopback; gives the far end and its origin."""
    far = FarEnd()
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("POST", "/{path:.*}", far.serve)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield far, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        far.gate.set()
        await runner.cleanup()
