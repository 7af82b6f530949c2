"""Every route is metered or refused: none without a key, none over a budget, none free because its answer is silent."""

import json
from pathlib import Path

import pytest

from gateway.app.table import TABLE
from gateway.model import Endpoint
from gateway.store.connection import Store
from tests.gateways import Limits
from tests.pipeline.conftest import OpenGateway
from tests.pitfalls.replaying import PATHS, Replayed, gateway_replaying, path_of
from tests.provider.process import ProviderProcess
from tests.providers.minimal import asked_for
from tests.providers.shapes import SHAPES
from tests.providers.shapes.shape import JSON

FREE = {
    Endpoint.RESPONSES_INPUT_TOKENS,
    Endpoint.COUNT_TOKENS,
    Endpoint.GEMINI_COUNT_TOKENS,
    Endpoint.MODERATIONS,
}
METERED = sorted(set(Endpoint) - FREE)
STREAMED = {Endpoint(shape.endpoint) for shape in SHAPES if shape.stream}

OTHER_KINDS = ("text/plain", "application/octet-stream", "application/x-www-form-urlencoded")


def test_every_operation_has_a_route_here() -> None:
    """The tests below leave no operation out."""
    assert set(PATHS) == set(Endpoint)


@pytest.mark.parametrize("endpoint", METERED)
async def test_silence_is_not_free(replayed: Replayed, endpoint: Endpoint) -> None:
    """An answer that tells no usage is charged at least its prompt, and marked, on every route."""
    got = await replayed.ask(endpoint, b'{"unexpected": "shape"}', JSON)
    assert (got.status, got.used > 0, got.line["estimated"]) == (200, True, True)


@pytest.mark.parametrize("endpoint", METERED)
async def test_a_budget_refuses_on_every_route(valkey_store: Store, tmp_path: Path, endpoint: Endpoint) -> None:
    """With nothing left no route reaches a provider, asked for a stream or not."""
    async with gateway_replaying(valkey_store, tmp_path, company_tokens=0) as running:
        for stream in {False, endpoint in STREAMED}:
            asked = asked_for(endpoint, model="shape-0", stream=stream)
            headers = {**running.client.headers, "Content-Type": asked.content_type}
            url = running.client.url + path_of(asked)
            async with running.client.session.post(url, data=asked.body, headers=headers) as answer:
                assert answer.status == 429, await answer.text()
        assert running.far.asked == []


@pytest.mark.parametrize("endpoint", sorted(Endpoint))
@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/octet-stream", "application/x-www-form-urlencoded"]
)
async def test_a_body_of_another_kind_escapes_nothing(
    replayed: Replayed, endpoint: Endpoint, content_type: str
) -> None:
    """What is neither JSON nor a form is refused on every route, with a good body under a wrong name too."""
    asked = asked_for(endpoint, model="shape-0")
    for body in (asked.body, b"model=shape-0&prompt=Hi", b"\x00\x01"):
        headers = {**replayed.client.headers, "Content-Type": content_type}
        url = replayed.client.url + path_of(asked)
        async with replayed.client.session.post(url, data=body, headers=headers) as answer:
            assert answer.status == 415, await answer.text()
    assert replayed.far.asked == []
    assert await replayed.client.company() == (0, 0)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_no_route_leads_to_a_provider_without_a_key(replayed: Replayed, method: str) -> None:
    """Whatever the table serves, nobody without a key makes it ask a provider."""
    for template in TABLE:
        path = template.replace("{model...}", "shape-0").replace("{model}", "shape-0")
        url = replayed.client.url + path
        async with replayed.client.session.request(method, url, json={"model": "shape-0"}, headers={}) as answer:
            await answer.read()
    assert replayed.far.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "/passthrough/v1/chat/completions",
        "/v1/passthrough/chat/completions",
        "/openai_passthrough/v1/chat/completions",
        "/v1/chat/completions/passthrough",
        "/v1/chat/passthrough/completions",
        "/anthropic_passthrough/v1/messages",
        "/genai_passthrough/v1beta/models/m:generateContent",
        "/openai/v1/chat/completions/passthrough",
        "/v1/passthrough",
        "/proxy/openai/v1/chat/completions",
        "/v1beta/models/passthrough/m:unknownMethod",
    ],
)
async def test_a_path_that_calls_itself_passthrough_is_none(replayed: Replayed, path: str) -> None:
    """No word in a path turns metering off: what is not in the table is not forwarded."""
    body = {"model": "shape-0", "messages": [{"role": "user", "content": "Hi"}], "contents": []}
    async with replayed.client.post(path, body) as answer:
        assert answer.status in {404, 405}
    assert replayed.far.asked == []


async def test_a_query_that_says_passthrough_is_metered(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """A word in the query changes nothing: the call is served, and charged."""
    client = await open_gateway()
    body = {"model": "m:tokens-12", "messages": [{"role": "user", "content": "Hello there"}]}
    async with client.post("/v1/chat/completions?passthrough=true&is_passthrough=1", body) as answer:
        assert answer.status == 200
    (entry,) = await far.log()
    assert "passthrough" not in json.dumps(entry)
    assert await client.company() == (entry["prompt_tokens"] + entry["completion_tokens"], 0)


@pytest.mark.parametrize(
    "name",
    [
        "X-User-Id",
        "X-Litellm-End-User-Id",
        "X-Litellm-Customer-Id",
        "X-Bf-Vk",
        "X-Portkey-Metadata",
        "Helicone-User-Id",
        "OpenAI-Organization",
        "OpenAI-Project",
        "X-Forwarded-User",
        "X-Company",
    ],
)
async def test_no_header_moves_spend_to_somebody_else(
    open_gateway: OpenGateway, far: ProviderProcess, name: str
) -> None:
    """Only the key says who pays: headers by which other gateways name a user or a team do nothing here."""
    client = await open_gateway(Limits(daily=100_000))
    async with client.chat("m:tokens-12", headers={name: "22222222-2222-4222-8222-222222222223"}) as answer:
        assert answer.status == 200
    (entry,) = await far.log()
    await client.company()
    took = entry["prompt_tokens"] + entry["completion_tokens"]
    assert (await client.budgets())["user-daily"]["used"] == took
    assert name.lower() not in {header.lower() for header, _ in entry["headers"]}
