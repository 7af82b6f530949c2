"""The upstream gets our own encoding, with exactly the changes that metering needs."""

import copy
import json
from typing import Any

import pytest

from gateway.model import Endpoint, Provider, Secret
from gateway.providers.openai import account, chat
from tests.providers.calls import ask, call_of, route_to

C, P, E = Endpoint.CHAT, Endpoint.COMPLETIONS, Endpoint.EMBEDDINGS
STREAM = {"stream": True}


def sent(fields: dict[str, Any], endpoint: Endpoint = C, *, cap: int | None = None, model: str = "gpt-4o") -> Any:
    """Give the decoded body that the upstream gets; the call is unchanged by it."""
    call = ask(endpoint, **fields)
    before = copy.deepcopy(call)
    body = json.loads(chat.outgoing(call, route_to(model), cap=cap, asks_usage=True).body)
    assert call == before
    return body


def test_the_model_is_the_routes() -> None:
    """The provider's prefix is gone: the upstream sees the name it knows."""
    assert sent({"model": "p/gpt-4o"})["model"] == "gpt-4o"


def test_a_repeated_key_is_sent_once() -> None:
    """The upstream gets what was metered, never the client's bytes."""
    call = call_of(b'{"model":"cheap","messages":[{"role":"user"}],"model":"dear","max_tokens":1,"max_tokens":9}')
    body = chat.outgoing(call, route_to(call.model), cap=None, asks_usage=True).body
    assert (call.model, call.output_bound) == ("dear", 9)
    assert json.loads(body, object_pairs_hook=list) == [
        ("model", "dear"),
        ("messages", [[("role", "user")]]),
        ("max_tokens", 9),
    ]


def test_numbers_and_text_keep_their_value() -> None:
    """Large integers stay integers, floats floats, and text is the same text."""
    fields = {"seed": 2**70, "temperature": 1.0, "top_p": 0.1, "user": "é\u2028\U0001f600"}
    body = sent(fields)
    assert {name: body[name] for name in fields} == fields
    assert type(body["seed"]) is int
    assert type(body["temperature"]) is float


@pytest.mark.parametrize(
    ("endpoint", "fields", "options"),
    [
        (C, STREAM, {"include_usage": True}),
        (C, STREAM | {"stream_options": None}, {"include_usage": True}),
        (C, STREAM | {"stream_options": {"include_usage": False}}, {"include_usage": True}),
        (
            C,
            STREAM | {"stream_options": {"continuous_usage_stats": True, "include_obfuscation": False}},
            {"continuous_usage_stats": True, "include_obfuscation": False, "include_usage": True},
        ),
        (P, STREAM, {"include_usage": True}),
        (C, {}, None),
        (C, {"stream": False}, None),
        (P, {"stream": None}, None),
        (E, {}, None),
    ],
)
def test_streams_report_usage(endpoint: Endpoint, fields: dict[str, Any], options: dict[str, Any] | None) -> None:
    """Usage is asked for on every stream, beside the client's other options, and nowhere else."""
    assert sent(fields, endpoint).get("stream_options") == options


@pytest.mark.parametrize(
    ("fields", "cap", "model", "bounds"),
    [
        # no cap: the client's single field, or none, stays
        ({}, None, "gpt-4o", {}),
        ({"max_tokens": 9}, None, "o3", {"max_tokens": 9}),
        ({"max_completion_tokens": 9}, None, "gpt-4o", {"max_completion_tokens": 9}),
        # two fields: the one that was reserved, in the field of the model
        ({"max_tokens": 5, "max_completion_tokens": 9}, None, "gpt-4o", {"max_tokens": 9}),
        ({"max_tokens": 9, "max_completion_tokens": 5}, None, "gpt-5-mini", {"max_completion_tokens": 9}),
        ({"max_tokens": 5, "max_completion_tokens": 9}, 7, "o1", {"max_completion_tokens": 7}),
        # a cap, in the client's field, never above the client's own
        ({"max_tokens": 9}, 7, "o3", {"max_tokens": 7}),
        ({"max_completion_tokens": 9}, 70, "gpt-4o", {"max_completion_tokens": 9}),
        ({"max_tokens": None, "max_completion_tokens": 9}, 7, "gpt-4o", {"max_completion_tokens": 7}),
        # a cap, the client named none: the field of the model
        ({}, 7, "gpt-4o", {"max_tokens": 7}),
        ({}, 7, "llama3", {"max_tokens": 7}),
        ({}, 7, "o4-mini", {"max_completion_tokens": 7}),
        ({}, 7, "openai/gpt-6-astra", {"max_completion_tokens": 7}),
        ({"max_tokens": None}, 7, "gpt-5", {"max_completion_tokens": 7}),
    ],
)
def test_the_chat_bound(fields: dict[str, Any], cap: int | None, model: str, bounds: dict[str, int]) -> None:
    """At most one bound is sent: the reserved one, in the client's field or in the one the model takes."""
    body = sent(fields, cap=cap, model=model)
    assert {name: body[name] for name in ("max_tokens", "max_completion_tokens") if name in body} == bounds


def test_a_model_marked_as_reasoning_takes_the_new_field() -> None:
    """The configuration's word decides for names that say nothing."""
    body = json.loads(chat.outgoing(ask(), route_to("deepseek-r1", reasoning=True), cap=7, asks_usage=True).body)
    assert (body.get("max_tokens"), body.get("max_completion_tokens")) == (None, 7)


@pytest.mark.parametrize(
    ("fields", "cap", "bound"),
    [({}, None, 16), ({}, 5, 5), ({}, 50, 16), ({"max_tokens": 9}, None, 9), ({"max_completion_tokens": 9}, None, 9)],
)
def test_the_bound_of_legacy_completions(fields: dict[str, Any], cap: int | None, bound: int) -> None:
    """Legacy completions always carry `max_tokens`, the API's default included."""
    body = sent(fields, P, cap=cap)
    assert body["max_tokens"] == bound
    assert "max_completion_tokens" not in body


def test_embeddings_carry_no_bound() -> None:
    """A cap means nothing to an embedding."""
    assert sent({}, E, cap=5) == {"model": "gpt-4o", "input": "Hi"}


@pytest.mark.parametrize(
    ("metadata", "left"),
    [
        ({"purpose": "QA"}, ...),
        ({"purpose": "QA", "trace": "1"}, {"trace": "1"}),
        ({"trace": "1"}, {"trace": "1"}),
        ({}, {}),
        (None, None),
    ],
)
def test_the_purpose_stays_here(metadata: Any, left: Any) -> None:
    """Our own metadata is removed, and metadata with it when nothing else is in it."""
    assert sent({"metadata": metadata}).get("metadata", ...) == left


def test_other_fields_pass() -> None:
    """What metering does not read reaches the provider as it came, null included."""
    fields = {"stop": None, "response_format": {"type": "json_object"}, "x_vendor": [1, {"a": []}]}
    assert sent(fields).items() >= fields.items()


@pytest.mark.parametrize(("endpoint", "path"), [(C, "/chat/completions"), (P, "/completions"), (E, "/embeddings")])
def test_paths(endpoint: Endpoint, path: str) -> None:
    """The path comes from a table, never from the client."""
    assert account.path(ask(endpoint), route_to("m")) == path


@pytest.mark.parametrize(
    ("key", "extra", "headers"),
    [
        (None, (), {}),
        (Secret(""), (), {}),
        (Secret("sk-1"), (), {"authorization": "Bearer sk-1"}),
        (Secret("sk-1"), (("X-Title", Secret("t")),), {"authorization": "Bearer sk-1", "x-title": "t"}),
        (Secret("sk-1"), (("Authorization", Secret("Basic x")),), {"authorization": "Basic x"}),
        (None, (("api-key", Secret("k")),), {"api-key": "k"}),
    ],
)
def test_credentials(key: Secret | None, extra: tuple[tuple[str, Secret], ...], headers: dict[str, str]) -> None:
    """The provider's key goes as a bearer token; extra headers come with it and win."""
    assert account.auth_headers(Provider("p", "openai", "u", api_key=key, headers=extra)) == headers


@pytest.mark.parametrize(
    ("fields", "model", "reasoning", "dialect", "visible"),
    [
        (STREAM, "gpt-4o-mini", None, "openai", True),
        (STREAM, "gpt-4.1", None, "openai", True),
        (STREAM, "openai/gpt-4o", None, "openai", True),
        (STREAM, "ft:gpt-3.5-turbo-0125:acme::id", None, "openai", True),
        (STREAM, "chatgpt-4o-latest", None, "openai", True),
        (STREAM, "davinci-002", None, "openai", True),
        (STREAM, "demo", None, "demo", True),
        (STREAM, "llama3", False, "openai", True),
        ({}, "gpt-4o-mini", None, "openai", False),
        (STREAM | {"n": 2}, "gpt-4o-mini", None, "openai", False),
        (STREAM | {"prediction": {"type": "content", "content": "x"}}, "gpt-4o", None, "openai", False),
        (STREAM | {"audio": {"voice": "alloy", "format": "pcm16"}}, "gpt-4o-audio-preview", None, "openai", False),
        (STREAM, "o3-mini", None, "openai", False),
        (STREAM, "gpt-5.1", None, "openai", False),
        (STREAM, "gpt-6-astra", None, "openai", False),
        (STREAM, "llama3", None, "openai", False),
        (STREAM, "demo", True, "demo", False),
        (STREAM, "gpt-4o", True, "openai", False),
    ],
)
def test_what_can_be_watched(
    fields: dict[str, Any], model: str, reasoning: bool | None, dialect: str, visible: bool
) -> None:
    """A stream is watched when it shows every token; an unknown model is not trusted to."""
    assert chat.is_visible(ask(**fields), route_to(model, reasoning=reasoning, dialect=dialect)) is visible
