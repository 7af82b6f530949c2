"""What is sent for a response, and whether it can be watched."""

import copy
import json
from typing import Any

import pytest

from gateway.model import Endpoint
from gateway.providers.openai import responses
from tests.providers.calls import route_to
from tests.providers.responses.calls import ask


def sent(cap: int | None = None, endpoint: Endpoint = Endpoint.RESPONSES, **fields: Any) -> dict[str, Any]:
    """Give the body that goes upstream; the Call's own is left alone."""
    call = ask(endpoint, **fields)
    before = copy.deepcopy(call.body)
    body: dict[str, Any] = json.loads(responses.outgoing(call, route_to("up"), cap=cap, asks_usage=True).body)
    assert call.body == before
    return body


@pytest.mark.parametrize(
    ("cap", "fields", "bound"),
    [
        (None, {}, None),
        (None, {"max_output_tokens": 50}, 50),
        (20, {}, 20),
        (20, {"max_output_tokens": 50}, 20),
        (90, {"max_output_tokens": 50}, 50),
        (16, {"max_output_tokens": None}, 16),
    ],
)
def test_the_bound(cap: int | None, fields: dict[str, Any], bound: int | None) -> None:
    """What was granted caps the output and never raises the client's own bound."""
    assert sent(cap, **fields).get("max_output_tokens") == bound


def test_nothing_else_changes() -> None:
    """The model gets the name that the upstream knows, our metadata goes, all other fields pass."""
    fields = {"stream": True, "store": False, "stream_options": {"include_obfuscation": False}, "x": [1], "n": None}
    body = sent(**fields, metadata={"purpose": "QA", "trace": "7"})
    assert body == {"model": "up", "input": "Hi", "metadata": {"trace": "7"}, **fields}
    assert "metadata" not in sent(metadata={"purpose": "QA"})


@pytest.mark.parametrize("endpoint", [Endpoint.RESPONSES_COMPACT, Endpoint.RESPONSES_INPUT_TOKENS])
def test_the_siblings_take_no_bound(endpoint: Endpoint) -> None:
    """They know no such field."""
    assert "max_output_tokens" not in sent(20, endpoint)


@pytest.mark.parametrize(
    ("model", "fields", "visible"),
    [
        ("gpt-4o", {"stream": True}, True),
        ("gpt-4o", {"stream": True, "tools": [{"type": "function", "name": "f"}]}, True),
        ("gpt-4o", {}, False),
        ("gpt-4o", {"stream": True, "tools": [{"type": "web_search"}]}, False),
        ("gpt-4o", {"stream": True, "tools": [{"type": "web_search"}], "max_tool_calls": 2}, False),
        ("gpt-4o", {"stream": True, "reasoning": {"effort": "low"}}, False),
        ("gpt-5", {"stream": True}, False),
        ("some-deployment", {"stream": True}, False),
    ],
)
def test_what_can_be_watched(model: str, fields: dict[str, Any], visible: bool) -> None:
    """Only a stream of one round from a model that shows every token."""
    assert responses.is_visible(ask(**fields), route_to(model)) is visible
