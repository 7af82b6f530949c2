"""What an app is told, in every language it may speak: which budget refuses and until when, and what is left."""

import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.model import Endpoint, Wire
from gateway.store.connection import Store
from tests.pitfalls.replaying import Replayed, gateway_replaying, path_of
from tests.providers.minimal import asked_for
from tests.providers.shapes import SHAPES, Shape
from tests.providers.shapes.shape import JSON

ONCE = "- {name: once-a-day, scope: company, unit: requests, window: {calendar: day}, limit: 1}"
NAMED = (
    "openai chat, audio heard",
    "openai response, tool call",
    "transcription by tokens",
    "anthropic message, thinking",
    "gemini, every count",
    "ollama chat",
    "converse",
)
FLOWING = (
    "openai chat stream, usage asked for",
    "openai response stream, incomplete",
    "transcription stream",
    "anthropic stream, thinking",
    "gemini stream",
    "gemini stream as an array",
    "ollama chat stream",
    "converse stream, as recorded",
)
LEFT = re.compile(r'"company";r=(\d+)')
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def shapes(*names: str) -> list[Shape]:
    """Give shapes by their names."""
    by_name = {shape.name: shape for shape in SHAPES}
    return [by_name[name] for name in names]


@pytest.fixture
async def once(valkey_store: Store, tmp_path: Path) -> AsyncIterator[Replayed]:
    """Give a gateway that lets one request a day pass."""
    async with gateway_replaying(valkey_store, tmp_path, budgets=ONCE) as running:
        yield running


def test_the_shapes_speak_every_language() -> None:
    """No language is left out."""
    for names in (NAMED, FLOWING):
        assert {Endpoint(shape.endpoint).wire for shape in shapes(*names)} == set(Wire)


@pytest.mark.parametrize("shape", shapes(*NAMED), ids=lambda shape: shape.name)
async def test_a_refusal_names_its_budget_and_when_it_resets(once: Replayed, shape: Shape) -> None:
    """The words that an SDK shows have the budget's name and the instant of its reset; so have the headers."""
    endpoint = Endpoint(shape.endpoint)
    assert (await once.ask(endpoint, shape.body, shape.content_type)).status == 200
    asked = asked_for(endpoint, model="shape-0")
    headers = {**once.client.headers, "Content-Type": asked.content_type}
    url = once.client.url + path_of(asked)
    async with once.client.session.post(url, data=asked.body, headers=headers) as answer:
        text = await answer.text()
        assert (answer.status, answer.content_type) == (429, JSON)
    assert "once-a-day" in text
    resets_at = datetime.fromisoformat(INSTANT.findall(text)[0])
    assert timedelta(0) < resets_at - datetime.now(UTC) < timedelta(days=1, minutes=1)
    assert '"once-a-day";r=0;t=' in answer.headers["RateLimit"]
    assert int(answer.headers["Retry-After"]) <= 86_460
    assert len(once.far.asked) == 1


@pytest.mark.parametrize("shape", shapes(*FLOWING, *NAMED), ids=lambda shape: shape.name)
async def test_a_stream_has_the_headers_too(replayed: Replayed, shape: Shape) -> None:
    """What is left is told with the first byte of a stream as with an answer in one piece."""
    as_array = shape.stream and shape.content_type == JSON
    model = replayed.far.put(shape.body, shape.content_type)
    asked = asked_for(Endpoint(shape.endpoint), model=model, stream=shape.stream, as_array=as_array)
    headers = {**replayed.client.headers, "Content-Type": asked.content_type}
    url = replayed.client.url + path_of(asked)
    async with replayed.client.session.post(url, data=asked.body, headers=headers) as answer:
        await answer.read()
        assert answer.status == 200
    assert LEFT.search(answer.headers["RateLimit"])
    assert '"company";q=' in answer.headers["RateLimit-Policy"]
    assert int(answer.headers["x-ratelimit-remaining-tokens"]) < int(answer.headers["x-ratelimit-limit-tokens"])
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize("stream", [False, True])
async def test_what_remains_falls(replayed: Replayed, stream: bool) -> None:
    """Call by call `remaining` is less, and in the end it is the limit less what was charged."""
    usage = {"prompt_tokens": 500, "completion_tokens": 200, "total_tokens": 700}
    told = []
    for _ in range(4):
        body = json.dumps({"id": "c", "choices": [], "usage": usage})
        sent, kind = (f"data: {body}\n\ndata: [DONE]\n\n", "text/event-stream") if stream else (body, JSON)
        assert (await replayed.ask(Endpoint.CHAT, sent.encode(), kind, stream=stream)).used == 700
        async with replayed.client.get("/v1/budget") as answer:
            told.append(int((LEFT.search(answer.headers["RateLimit"]) or [0, -1])[1]))
    assert told == [100_000_000 - 700 * calls for calls in range(1, 5)]
