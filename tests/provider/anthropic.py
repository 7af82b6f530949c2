"""A far end that speaks Anthropic's language, as its documentation shows it, and remembers what it was asked.

(https://platform.claude.com/docs/en/api/messages, .../build-with-claude/streaming)
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

WORDS = ("Bud", "get", "s", " hold", " what", " they", " say")
PATHS = ("/v1/messages", "/v1/messages/count_tokens")


@dataclass
class Plan:
    """How the next answers are: their blocks and usage, and where a stream stops, waits, breaks or tells an error.

    `stop_at`, `wait_at`, `break_at` and `error_at` count events, between which `delay_seconds` lie. `start_usage` is
    that of `message_start`.
    """

    status: int = 200
    blocks: list[dict[str, Any]] = field(default_factory=lambda: [text_block(3)])
    usage: dict[str, Any] = field(default_factory=lambda: {"input_tokens": 10, "output_tokens": 3})
    start_usage: dict[str, Any] = field(default_factory=lambda: {"input_tokens": 10, "output_tokens": 1})
    stop_reason: str = "end_turn"
    stop_at: int | None = None
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


def text_block(words: int) -> dict[str, Any]:
    """Give a text of so many tokens."""
    return {"type": "text", "text": "".join(WORDS[at % len(WORDS)] for at in range(words))}


class FarEnd:
    """The server's state; a test sets `plan`."""

    def __init__(self) -> None:
        self.plan = Plan()
        self.asked: list[Asked] = []
        self.gate = asyncio.Event()
        self.sent_events = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Answer as planned."""
        body = await request.json()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(request.path_qs, headers, body))
        if self.plan.status != web.HTTPOk.status_code:
            told = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
            return web.json_response(told, status=self.plan.status, headers={"x-should-retry": "false"})
        if request.path.endswith("count_tokens"):
            return web.json_response({"input_tokens": 2095})
        message = {"id": "msg_1", "type": "message", "role": "assistant", "model": body["model"], "content": []}
        if body.get("stream"):
            return await self._stream(request, message)
        end = {"stop_reason": self.plan.stop_reason, "stop_sequence": None, "usage": self.plan.usage}
        return web.json_response(message | {"content": self.plan.blocks} | end)

    async def _stream(self, request: web.Request, message: dict[str, Any]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        self.sent_events = 0
        for event in _events(self.plan, message):
            if self.sent_events == self.plan.error_at:
                error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
                await response.write(_frame(error))
                break
            if self.sent_events == self.plan.break_at and request.transport is not None:
                request.transport.abort()
                break
            if self.sent_events == self.plan.stop_at:
                break
            if self.sent_events == self.plan.wait_at:
                await self.gate.wait()
            await response.write(_frame(event))
            await asyncio.sleep(self.plan.delay_seconds)
            self.sent_events += 1
        return response


def _events(plan: Plan, message: dict[str, Any]) -> list[dict[str, Any]]:
    """Give all events of a message; texts and arguments come word by word."""
    started = message | {"stop_reason": None, "stop_sequence": None, "usage": plan.start_usage}
    events: list[dict[str, Any]] = [{"type": "message_start", "message": started}]
    for index, block in enumerate(plan.blocks):
        empty, deltas = _taken_apart(block)
        events.append({"type": "content_block_start", "index": index, "content_block": empty})
        if index == 0:
            events.append({"type": "ping"})
        events += [{"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": index})
    end = {"stop_reason": plan.stop_reason, "stop_sequence": None}
    return [*events, {"type": "message_delta", "delta": end, "usage": plan.usage}, {"type": "message_stop"}]


def _taken_apart(block: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Give a block as it opens, and what then comes of it."""
    match block["type"]:
        case "text":
            return block | {"text": ""}, [{"type": "text_delta", "text": part} for part in _parts(block["text"])]
        case "thinking":
            deltas = [{"type": "thinking_delta", "thinking": part} for part in _parts(block["thinking"])]
            signature = {"type": "signature_delta", "signature": block["signature"]}
            return block | {"thinking": "", "signature": ""}, [*deltas, signature]
        case "tool_use" | "server_tool_use":
            given = json.dumps(block["input"])
            return block | {"input": {}}, [{"type": "input_json_delta", "partial_json": part} for part in _parts(given)]
        case _:
            return block, []


def _parts(text: str) -> list[str]:
    return [text[at : at + 4] for at in range(0, len(text), 4)]


def _frame(event: dict[str, Any]) -> bytes:
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


@asynccontextmanager
async def far_end_serving() -> AsyncIterator[tuple[FarEnd, str]]:
    """Give a far end and its origin, on a free port of loopback."""
    far = FarEnd()
    app = web.Application(client_max_size=64 << 20)
    for path in PATHS:
        app.router.add_post(path, far.serve)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield far, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        far.gate.set()
        await runner.cleanup()
