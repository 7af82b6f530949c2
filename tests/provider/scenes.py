"""A far end inside the test that plays what a model's name says, and keeps account of what it was asked.

    NAME:say-12.gate-5.end-error      twelve words; after five it waits until the test lets it go on; then it breaks off

The rule that matters: no timing decides; a test opens the gate when it has seen what it waited for.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

PROMPT_TOKENS = 11
"""What every prompt takes, by the far end's own count."""

WORD = " the"


@dataclass(frozen=True)
class Asked:
    """One request: its path as it was sent, its headers in lower case, its body."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class Script:
    """What a model's name says of its answer: words joined by dots, some with a number or a word of their own."""

    def __init__(self, model: str) -> None:
        steps = model.partition(":")[2].split(".")
        self._steps = {name: value for name, _, value in (step.partition("-") for step in steps)}

    def has(self, name: str) -> bool:
        """Say whether a step is there."""
        return name in self._steps

    def word(self, name: str) -> str:
        """Give the word of a step, or nothing."""
        return self._steps.get(name, "")

    def number(self, name: str, default: int = -1) -> int:
        """Give the number of a step."""
        return int(self._steps.get(name, default))


@dataclass
class Stage:
    """The far end: its address, what it was asked, the gate, and whether a stream was left."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def body(self) -> dict[str, Any]:
        """Give the body of the only request."""
        (one,) = self.asked
        return one.body


class Scene:
    """One request, and the answer to it; a language says what its words and its ends are."""

    def __init__(self, stage: Stage, request: web.BaseRequest, body: dict[str, Any], model: str) -> None:
        self.path = unquote(request.raw_path)
        self.body = body
        self.script = Script(model)
        self._stage = stage
        self._request = request

    def whole(self, value: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
        """Answer in one piece."""
        return web.json_response(value, status=status, headers=headers)

    async def flow(self, content_type: str, words: list[bytes], end: bytes) -> web.StreamResponse:
        """Answer in a stream: the words, then the end; as the script says it waits, or drops the connection."""
        response = web.StreamResponse(headers={"Content-Type": content_type})
        writer = await response.prepare(self._request)
        assert isinstance(writer, AbstractStreamWriter)
        writer.send_headers()
        is_whole = False
        try:
            for place, word in enumerate(words):
                if place == self.script.number("gate"):
                    await self._stage.gate.wait()
                if place == self.script.number("cut"):
                    assert self._request.transport is not None
                    self._request.transport.abort()
                await response.write(word)
            await response.write(end)
            is_whole = True
        finally:
            if not is_whole:
                self._stage.left.set()
        await response.write_eof()
        return response


Play = Callable[[Scene], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def staged(play: Play, model_of: Callable[[str, dict[str, Any]], str]) -> AsyncIterator[Stage]:
    """Give a far end on a free port of loopback; `model_of` finds the model in a path and a body."""
    stage = Stage()

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        body = json.loads(await request.read())
        headers = {name.lower(): value for name, value in request.headers.items()}
        stage.asked.append(Asked(request.raw_path, headers, body))
        return await play(Scene(stage, request, body, model_of(request.raw_path, body)))

    runner = web.ServerRunner(web.Server(answer, handler_cancellation=True), shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        stage.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield stage
    finally:
        stage.gate.set()
        await runner.cleanup()
