"""A far end that answers with given bytes, in every wire language, and a gateway in front of it.

    shape-7         the answer that was put under that number, whatever the operation and the path

The rule that matters: the far end understands nothing. What it sends is a recorded or documented answer, byte for byte.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import web
from structlog.testing import capture_logs

from gateway.model import Endpoint
from gateway.store.connection import Store
from tests.gateways import PROVIDER_SECRET, Client, Limits, gateway_running
from tests.providers.minimal import Asked, asked_for

_WANTED = re.compile(rb"shape-(\d+)")

PATHS: Mapping[Endpoint, str] = {
    Endpoint.CHAT: "/v1/chat/completions",
    Endpoint.COMPLETIONS: "/v1/completions",
    Endpoint.EMBEDDINGS: "/v1/embeddings",
    Endpoint.RESPONSES: "/v1/responses",
    Endpoint.RESPONSES_COMPACT: "/v1/responses/compact",
    Endpoint.RESPONSES_INPUT_TOKENS: "/v1/responses/input_tokens",
    Endpoint.TRANSCRIPTIONS: "/v1/audio/transcriptions",
    Endpoint.TRANSLATIONS: "/v1/audio/translations",
    Endpoint.SPEECH: "/v1/audio/speech",
    Endpoint.IMAGES: "/v1/images/generations",
    Endpoint.IMAGE_EDITS: "/v1/images/edits",
    Endpoint.MODERATIONS: "/v1/moderations",
    Endpoint.RERANK: "/v1/rerank",
    Endpoint.MESSAGES: "/v1/messages",
    Endpoint.COUNT_TOKENS: "/v1/messages/count_tokens",
    Endpoint.GENERATE_CONTENT: "/v1beta/models/{model}:generateContent",
    Endpoint.GEMINI_COUNT_TOKENS: "/v1beta/models/{model}:countTokens",
    Endpoint.EMBED_CONTENT: "/v1beta/models/{model}:embedContent",
    Endpoint.BATCH_EMBED_CONTENTS: "/v1beta/models/{model}:batchEmbedContents",
    Endpoint.OLLAMA_CHAT: "/api/chat",
    Endpoint.OLLAMA_GENERATE: "/api/generate",
    Endpoint.OLLAMA_EMBED: "/api/embed",
    Endpoint.CONVERSE: "/model/{model}/converse",
}
_STREAMED = {
    Endpoint.GENERATE_CONTENT: "/v1beta/models/{model}:streamGenerateContent",
    Endpoint.CONVERSE: "/model/{model}/converse-stream",
}
_LANGUAGES = {"claude": "anthropic", "gem": "gemini", "llama": "ollama", "aws": "bedrock"}


@dataclass
class Replay:
    """The answers by their numbers, as (content type, body), and the requests that came."""

    url: str = ""
    answers: dict[int, tuple[str, bytes]] = field(default_factory=dict)
    asked: list[bytes] = field(default_factory=list)

    def put(self, body: bytes, content_type: str) -> str:
        """Keep an answer; gives the model to ask for it by."""
        number = len(self.answers)
        self.answers[number] = (content_type, body)
        return f"shape-{number}"

    async def answer(self, request: web.BaseRequest) -> web.Response:
        """Send what was asked for."""
        body = await request.read()
        self.asked.append(body)
        found = _WANTED.search(request.raw_path.encode() + body)
        assert found is not None
        content_type, sent = self.answers[int(found[1])]
        return web.Response(body=sent, headers={"Content-Type": content_type})


@asynccontextmanager
async def replaying() -> AsyncIterator[Replay]:
    """Give a far end without answers."""
    replay = Replay()
    runner = web.ServerRunner(web.Server(replay.answer), shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        replay.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield replay
    finally:
        await runner.cleanup()


class Charged(NamedTuple):
    """A call that has ended: what the client got, what its company was charged, what the log says."""

    status: int
    body: bytes
    used: int
    line: Mapping[str, Any]


@dataclass
class Replayed:
    """A gateway in front of a far end of recorded answers, each wire language by an account of its own."""

    client: Client
    far: Replay

    async def ask(
        self, endpoint: Endpoint, body: bytes, content_type: str, fields: Mapping[str, Any] | None = None, **wishes: Any
    ) -> Charged:
        """Make a call that is answered so; the wishes are those of `asked_for`."""
        asked = asked_for(endpoint, fields, model=self.far.put(body, content_type), **wishes)
        before, _ = await self.client.company()
        with capture_logs() as logs:
            async with self.client.session.post(
                f"{self.client.url}{path_of(asked)}",
                data=asked.body,
                headers={**self.client.headers, "Content-Type": asked.content_type},
            ) as answer:
                got = await answer.read()
            used, held = await self.client.company()
            while not (lines := [line for line in logs if line["event"] == "call"]):  # noqa: ASYNC110 - a log sets no Event
                await asyncio.sleep(0.01)
        assert held == 0
        return Charged(answer.status, got, used - before, lines[0])


def path_of(asked: Asked) -> str:
    """Give the path and query of a request."""
    template = PATHS[asked.endpoint]
    if "stream" in asked.params:
        template = _STREAMED[asked.endpoint]
    query = "&".join(f"{name}={value}" for name, value in asked.query.items())
    return template.format(**asked.params) + (f"?{query}" if query else "")


@asynccontextmanager
async def gateway_replaying(store: Store, directory: Path, **limits: Any) -> AsyncIterator[Replayed]:
    """Give a gateway with room for everything unless told otherwise."""
    async with replaying() as far:
        providers = "\n".join(
            f"  {name}: {{dialect: {dialect}, base_url: {far.url}, api_key: {PROVIDER_SECRET}, "
            'models: {"*": {reasoning: false}}}'
            for name, dialect in _LANGUAGES.items()
        )
        settings = Limits(**({"company_tokens": 100_000_000, "providers": providers} | limits))
        async with gateway_running(store, directory, f"{far.url}/v1", settings) as client:
            yield Replayed(client, far)
