"""What the provider gets, and whether its answer can be watched."""

import json
from typing import Any

import pytest

from gateway.model import Endpoint, Provider, Secret
from gateway.providers.anthropic import account, messages
from tests.providers.anthropic.asking import BODY, HELLO, WEB_SEARCH, ask, call_of, route_to


def sent(call: Any, cap: int | None = None, model: str = "claude-sonnet-4-5") -> dict[str, Any]:
    """Encode a call, and read it as the provider would."""
    body: dict[str, Any] = json.loads(messages.outgoing(call, route_to(model), cap=cap, asks_usage=True).body)
    return body


def test_the_body_stays_but_for_the_model() -> None:
    """The upstream's own name of the model, and every other field as it came."""
    call = ask(model="p/claude-sonnet-4-5", anything={"a": 1.5})
    assert sent(call) == BODY | {"anything": {"a": 1.5}}


@pytest.mark.parametrize(("cap", "most"), [(None, 100), (60, 60), (200, 100)])
def test_a_cap_only_lowers(cap: int | None, most: int) -> None:
    """`max_tokens` is the smaller of the client's and the granted."""
    assert sent(ask(), cap)["max_tokens"] == most


def test_a_count_has_no_bound() -> None:
    """Counting takes no `max_tokens`, so none is added."""
    assert "max_tokens" not in sent(call_of({"model": "m", "messages": HELLO}, Endpoint.COUNT_TOKENS), 5)


@pytest.mark.parametrize(
    ("metadata", "left"),
    [({"purpose": "QA", "user_id": "ada"}, {"user_id": "ada"}), ({"user_id": "ada"}, {"user_id": "ada"})],
)
def test_the_purpose_stays_here(metadata: dict[str, str], left: dict[str, str]) -> None:
    """Anthropic takes no metadata but `user_id`."""
    assert sent(ask(metadata=metadata))["metadata"] == left
    assert "metadata" not in sent(ask(metadata={"purpose": "QA"}))


@pytest.mark.parametrize(
    ("fields", "model", "reasoning", "visible"),
    [
        ({}, "claude-sonnet-4-5", None, True),
        ({"stream": False}, "claude-sonnet-4-5", None, False),
        ({"thinking": {"type": "adaptive"}}, "claude-opus-4-6", None, False),
        ({}, "claude-opus-5-5", None, False),
        ({"thinking": {"type": "disabled"}}, "claude-sonnet-5", None, True),
        ({}, "my-own", None, False),
        ({}, "my-own", False, True),
        ({}, "claude-sonnet-4-5", True, False),
        ({"tools": [WEB_SEARCH]}, "claude-sonnet-4-5", None, False),
        ({"compaction": {"type": "summarize"}}, "claude-sonnet-4-5", None, False),
    ],
)
def test_what_can_be_watched(fields: dict[str, Any], model: str, reasoning: bool | None, visible: bool) -> None:
    """A stream of one answer, without thinking and without tools that the provider runs."""
    call = call_of(BODY | {"stream": True, "model": model} | fields)
    assert messages.is_visible(call, route_to(model, reasoning=reasoning)) is visible


@pytest.mark.parametrize(
    ("endpoint", "query", "path"),
    [
        (Endpoint.MESSAGES, {}, "/v1/messages"),
        (Endpoint.MESSAGES, {"beta": "true"}, "/v1/messages?beta=true"),
        (Endpoint.COUNT_TOKENS, {"beta": "true"}, "/v1/messages/count_tokens?beta=true"),
    ],
)
def test_the_path(endpoint: Endpoint, query: dict[str, str], path: str) -> None:
    """Below the bare origin; `?beta=true` goes along."""
    assert account.path(call_of(BODY, endpoint, query=query), route_to()) == path


def test_the_credential() -> None:
    """In `x-api-key`; an extra header of the configuration wins, none is made up."""
    provider = Provider("p", "anthropic", "https://api.anthropic.com", api_key=Secret("k"))
    assert account.auth_headers(provider) == {"x-api-key": "k"}
    other = Provider("p", "anthropic", "http://h", headers=(("Authorization", Secret("Bearer t")),))
    assert account.auth_headers(other) == {"authorization": "Bearer t"}
