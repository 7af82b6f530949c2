"""What the provider gets, and whether its answer can be watched."""

import json
from typing import Any

import pytest

from gateway.model import Call, Endpoint, Provider, Secret
from gateway.providers.gemini import account, content
from tests.providers.gemini.asking import HELLO, MODEL, PNG, ask, call_of, route_to


def sent(call: Call, cap: int | None = None, model: str = MODEL) -> dict[str, Any]:
    """Encode a call, and read it as the provider would."""
    body: dict[str, Any] = json.loads(content.outgoing(call, route_to(model), cap=cap, asks_usage=True).body)
    return body


def test_the_body_stays() -> None:
    """Every field as it came, in its own spelling."""
    call = ask(safety_settings=[{"a": 1.5}], generation_config={"top_k": 3})
    assert sent(call) == {"contents": HELLO, "safety_settings": [{"a": 1.5}], "generation_config": {"top_k": 3}}


@pytest.mark.parametrize(
    ("fields", "cap", "config"),
    [
        ({}, None, None),
        ({}, 60, ("generationConfig", {"maxOutputTokens": 60})),
        ({"generation_config": None}, 60, ("generation_config", {"maxOutputTokens": 60})),
        ({"generation_config": {"top_k": 3}}, 60, ("generation_config", {"top_k": 3, "maxOutputTokens": 60})),
        ({"generationConfig": {"max_output_tokens": 100}}, 60, ("generationConfig", {"max_output_tokens": 60})),
        ({"generationConfig": {"max_output_tokens": 100}}, 200, ("generationConfig", {"max_output_tokens": 100})),
    ],
)
def test_a_cap_only_lowers(fields: dict[str, Any], cap: int | None, config: tuple[str, Any] | None) -> None:
    """It stands where the client's bound stands, in the client's spelling, and is never above it."""
    call = ask(**fields)
    body = sent(call, cap)
    assert body.pop("contents") == HELLO
    assert body == (fields if config is None else dict([config]))
    assert call.body == {"contents": HELLO} | fields


def test_the_upstreams_name_of_the_model() -> None:
    """Wherever a body repeats the model, it is the one that the path names."""
    both = {"model": "models/p/g", "requests": [{"model": "models/p/g", "content": HELLO[0]}, {"content": HELLO[0]}]}
    body = sent(call_of(both, Endpoint.BATCH_EMBED_CONTENTS, model="p/g"), model="g")
    assert (body["model"], [one.get("model") for one in body["requests"]]) == ("models/g", ["models/g", None])
    counting = {"generate_content_request": {"model": "models/p/g", "contents": HELLO}}
    body = sent(call_of(counting, Endpoint.GEMINI_COUNT_TOKENS, model="p/g"), model="g")
    assert body["generate_content_request"]["model"] == "models/g"


@pytest.mark.parametrize(
    ("labels", "left"), [({"purpose": "QA", "team": "a"}, {"team": "a"}), ({"purpose": "QA"}, None), (None, None)]
)
def test_the_purpose_stays_here(labels: dict[str, str] | None, left: dict[str, str] | None) -> None:
    """Other labels are the provider's."""
    assert sent(ask(labels=labels)).get("labels") == left


@pytest.mark.parametrize(
    ("fields", "model", "reasoning", "visible"),
    [
        ({}, MODEL, None, False),
        ({}, MODEL, False, True),
        ({}, "gemini-2.0-flash", None, True),
        ({}, "gemini-2.0-flash", True, False),
        ({}, "something-else", None, False),
        ({"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}, MODEL, None, True),
        ({"generationConfig": {"candidateCount": 2}}, "gemini-2.0-flash", None, False),
        ({"generationConfig": {"response_modalities": ["TEXT", "IMAGE"]}}, "gemini-2.0-flash", None, False),
        ({"generationConfig": {"responseModalities": ["Text"]}}, "gemini-2.0-flash", None, True),
        ({"tools": [{"googleSearch": {}}]}, "gemini-2.0-flash", None, False),
    ],
)
def test_what_can_be_watched(fields: dict[str, Any], model: str, reasoning: bool | None, visible: bool) -> None:
    """One streamed answer in text, without thoughts and without the provider's tools."""
    route = route_to(model, reasoning=reasoning)
    assert content.is_visible(ask(model=model, stream=True, **fields), route) is visible
    assert not content.is_visible(ask(model=model, **fields), route)


@pytest.mark.parametrize(
    ("endpoint", "stream", "alt", "path"),
    [
        (Endpoint.GENERATE_CONTENT, False, None, "generateContent"),
        (Endpoint.GENERATE_CONTENT, True, None, "streamGenerateContent"),
        (Endpoint.GENERATE_CONTENT, True, "sse", "streamGenerateContent?alt=sse"),
        (Endpoint.GEMINI_COUNT_TOKENS, False, None, "countTokens"),
        (Endpoint.EMBED_CONTENT, False, None, "embedContent"),
        (Endpoint.BATCH_EMBED_CONTENTS, False, None, "batchEmbedContents"),
    ],
)
def test_paths(endpoint: Endpoint, stream: bool, alt: str | None, path: str) -> None:
    """Where each operation stands; `alt=sse` only where the client asked."""
    body = {"contents": HELLO, "content": HELLO[0], "requests": [{"content": HELLO[0]}]}
    call = call_of(body, endpoint, stream=stream, alt=alt)
    assert account.path(call, route_to()) == f"/v1beta/models/{MODEL}:{path}"


def test_a_base_url_may_name_the_version() -> None:
    """Then nothing is put before the models: Vertex's publisher, or the first version."""
    route = route_to(base_url="https://aiplatform.googleapis.com/v1/publishers/google")
    assert account.path(ask(), route) == f"/models/{MODEL}:generateContent"


def test_the_providers_key() -> None:
    """In Google's header; an extra header of the same name wins."""
    provider = Provider("p", "gemini", "https://g", api_key=Secret("k"))
    assert account.auth_headers(provider) == {"x-goog-api-key": "k"}
    extra = Provider("p", "gemini", "https://g", headers=(("Authorization", Secret("Bearer t")),))
    assert account.auth_headers(extra) == {"authorization": "Bearer t"}


def test_the_prompt_has_no_media() -> None:
    """What is counted near a limit: contents, instruction, tools, schema; not the bytes of an image."""
    blob = {"mime_type": "image/png", "data": PNG}
    parts = [
        {"text": "See"},
        {"inline_data": blob},
        {"inlineData": {"mimeType": "text/plain", "data": "SGk="}},
        {"functionResponse": {"name": "f", "parts": [{"inlineData": blob}]}},
    ]
    config = {"topK": 3, "responseSchema": {"type": "OBJECT"}}
    call = ask(contents={"parts": parts}, system_instruction={"parts": {"text": "Be"}}, generationConfig=config)
    told = json.dumps(content.prompt(call))
    assert PNG not in told
    assert all(word in told for word in ("See", "SGk=", "OBJECT", "Be", '"f"'))
    assert "topK" not in told
    assert list(content.prompt_texts(call)) == ["Be", "See"]


def test_the_prompt_of_embeddings() -> None:
    """Their contents."""
    body = {"requests": [{"content": {"parts": [{"text": word}]}} for word in ("a", "b")]}
    call = call_of(body, Endpoint.BATCH_EMBED_CONTENTS)
    assert list(content.prompt_texts(call)) == ["a", "b"]
    assert content.prompt(call) == {"contents": [{"parts": [{"text": "a"}]}, {"parts": [{"text": "b"}]}]}
