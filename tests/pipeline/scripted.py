"""A provider inside the test, which says the next thing only when the test has seen the last: no timing decides."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

PROMPT_TOKENS = 9
"""What OpenAI's formula counts for the one message `Hello there`."""

DONE = b"data: [DONE]\n\n"


def frame(text: str | None = None, *, finish: str | None = None, usage: Any = None) -> bytes:
    """Give a chat chunk's frame, as short as it may be; without a text it is the finishing one."""
    choice: dict[str, Any] = {"delta": {} if text is None else {"content": text}}
    if finish is not None:
        choice["finish_reason"] = finish
    return _data({**_HEAD, "choices": [choice]} | ({} if usage is None else {"usage": usage}))


def usage_frame(completion_tokens: int) -> bytes:
    """Give the frame that only reports the usage."""
    return _data({**_HEAD, "choices": [], "usage": usage(completion_tokens)})


def usage(completion_tokens: int) -> dict[str, int]:
    """Give a usage object."""
    total = PROMPT_TOKENS + completion_tokens
    return {"prompt_tokens": PROMPT_TOKENS, "completion_tokens": completion_tokens, "total_tokens": total}


_HEAD = {"id": "c1"}


def _data(value: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(value, separators=(",", ":")).encode() + b"\n\n"


class Turn:
    """One request to the provider, and the stream that answers it."""

    def __init__(self, body: dict[str, Any], response: web.StreamResponse) -> None:
        self.body = body
        self._response = response

    async def say(self, data: bytes) -> None:
        """Write a piece of the stream."""
        await self._response.write(data)


@asynccontextmanager
async def scripted_provider(speak: Callable[[Turn], Awaitable[None]]) -> AsyncIterator[str]:
    """Give the base URL of a provider that answers each request as `speak` does."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        body = json.loads(await request.read())
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        writer = await response.prepare(request)
        assert isinstance(writer, AbstractStreamWriter)
        writer.send_headers()
        await speak(Turn(body, response))
        await response.write_eof()
        return response

    runner = web.ServerRunner(web.Server(answer, handler_cancellation=True), shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()
