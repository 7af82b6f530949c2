"""What of a body becomes prompt tokens, whatever the body is."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Endpoint
from gateway.tokens import Parts, prompt_parts
from gateway.tokens.parts import json_parts
from gateway.tokens.text import Encoding, count, count_all
from tests.tokens.bodies import CHAT, JARGON, JSON, WEATHER, WEATHER_TOOLS

CHAT_ENDPOINT = Endpoint.CHAT


def tokens(encoding: Encoding, body: dict[str, Any], endpoint: Endpoint = CHAT_ENDPOINT) -> int:
    """Sum a body's parts."""
    parts = prompt_parts(endpoint, body)
    assert parts.complete
    return count_all(encoding, parts.texts) + parts.overhead_tokens + parts.ids


@pytest.mark.parametrize(
    ("body", "with_o200k", "with_cl100k"),
    [
        ({"messages": JARGON}, 124, 129),
        ({"messages": WEATHER, "tools": WEATHER_TOOLS}, 101, 105),
        ({"messages": WEATHER, "functions": [WEATHER_TOOLS[0]["function"]]}, 101, 105),
    ],
)
def test_published_examples(
    o200k: Encoding, cl100k: Encoding, body: dict[str, Any], with_o200k: int, with_cl100k: int
) -> None:
    """The formula gives what OpenAI's API counted in its own cookbook."""
    assert tokens(o200k, body) == with_o200k
    assert tokens(cl100k, body) == with_cl100k


HELLO = {"role": "user", "content": "hello"}
CALL = {"id": "1", "type": "function", "function": {"name": "hello", "arguments": "hello world"}}
CUSTOM = {"id": "1", "type": "custom", "custom": {"name": "hello", "input": "hello world"}}


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"role": "user", "content": ""}, 4),
        ({"role": "user", "content": None}, 4),
        ({"role": "user"}, 4),
        (HELLO, 5),
        ({"role": "hello world", "content": "hello"}, 6),
        ({**HELLO, "name": "hello"}, 7),
        ({"role": "user", "content": [{"type": "text", "text": "hello"}, {"type": "text", "text": "hello"}]}, 6),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,hello"}}]}, 4),
        ({"role": "assistant", "content": [{"type": "refusal", "refusal": "hello"}]}, 5),
        ({"role": "assistant", "content": None, "refusal": "hello"}, 5),
        ({"role": "assistant", "tool_calls": [CALL]}, 4 + 8 + 3),
        ({"role": "assistant", "tool_calls": [CUSTOM]}, 4 + 8 + 3),
        ({"role": "assistant", "tool_calls": [CALL, CALL]}, 4 + 2 * (8 + 3) + 12),
        ({"role": "assistant", "function_call": CALL["function"]}, 4 + 8 + 3),
        ({"role": "tool", "tool_call_id": "call_0123456789", "content": "hello"}, 5),
    ],
)
def test_messages(encoding: Encoding, message: dict[str, Any], expected: int) -> None:
    """Each part of a message costs what the formula says."""
    assert tokens(encoding, {"messages": [message]}) == 3 + expected


SCHEMA = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}


@pytest.mark.parametrize(
    ("extra", "text"),
    [
        ({"response_format": {"type": "json_object"}}, ""),
        ({"response_format": SCHEMA}, '{"type":"json_schema","json_schema":{"name":"a","schema":{"type":"object"}}}'),
        ({"prediction": {"type": "content", "content": "hello"}}, "hello"),
        ({"prediction": {"type": "content", "content": [{"type": "text", "text": "hello"}]}}, "hello"),
        ({"temperature": 0.5, "user": "somebody", "metadata": {"a": "b"}, "tools": []}, ""),
    ],
)
def test_beside_the_messages(encoding: Encoding, extra: dict[str, Any], text: str) -> None:
    """An answer's schema and a predicted output are prompt, parameters are not."""
    body = {"messages": [HELLO]}
    assert tokens(encoding, {**body, **extra}) == tokens(encoding, body) + count(encoding, text)


@pytest.mark.parametrize(
    ("endpoint", "body", "expected"),
    [
        (Endpoint.COMPLETIONS, {"prompt": "hello world"}, 2),
        (Endpoint.COMPLETIONS, {"prompt": "hello world", "suffix": "hello"}, 3),
        (Endpoint.COMPLETIONS, {"prompt": ["hello world", "hello"]}, 3),
        (Endpoint.COMPLETIONS, {"prompt": [1, 2, 3]}, 3),
        (Endpoint.COMPLETIONS, {"prompt": [[1, 2, 3], [4]]}, 4),
        (Endpoint.COMPLETIONS, {}, 1),
        (Endpoint.EMBEDDINGS, {"input": "hello world"}, 2),
        (Endpoint.EMBEDDINGS, {"input": ["hello", "hello world"]}, 3),
        (Endpoint.EMBEDDINGS, {"input": [[1], [2, 3]]}, 3),
        (Endpoint.EMBEDDINGS, {"input": []}, 0),
    ],
)
def test_prompts_and_inputs(encoding: Encoding, endpoint: Endpoint, body: dict[str, Any], expected: int) -> None:
    """Texts are counted, token ids are as many as they are."""
    assert tokens(encoding, body, endpoint) == expected
    assert count_all(encoding, json_parts(endpoint, body).texts) + json_parts(endpoint, body).ids >= expected - 1


def test_the_whole_body_may_count(encoding: Encoding) -> None:
    """As JSON, everything counts, in any field; a chat is not below its formula."""
    body = {"messages": [HELLO]}
    parts = json_parts(Endpoint.CHAT, {**body, "documents": [{"text": "hello world", "rank": 1.5, "id": 1 << 99}]})
    assert {"documents", "hello world", "1.5"} <= set(parts.texts)
    assert count_all(encoding, parts.texts) + parts.overhead_tokens > tokens(encoding, body)


@given(body=CHAT)
def test_json_is_not_below_the_formula(o200k: Encoding, body: dict[str, Any]) -> None:
    """A chat of any shape without tools counts at least as much as JSON as by the formula."""
    body.pop("tools", None)
    parts = json_parts(Endpoint.CHAT, body)
    assert count_all(o200k, parts.texts) + parts.overhead_tokens >= tokens(o200k, body)


def nested(depth: int, key: str) -> dict[str, Any]:
    """Nest an object in itself."""
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {key: value}
    return value


@pytest.mark.parametrize(
    "body",
    [
        {"messages": [HELLO], "response_format": {"type": "json_schema", "json_schema": nested(10_000, "a")}},
        {"messages": [HELLO], "tools": [nested(10_000, "a")]},
        {"messages": [{"role": nested(10_000, "a")}]},
    ],
)
def test_deep_bodies_are_not_taken_apart(body: dict[str, Any]) -> None:
    """What nests ten thousand levels deep is left to the byte bound, and counts as JSON without recursion."""
    assert prompt_parts(Endpoint.CHAT, body) == Parts((), 0, 0, complete=False)
    assert json_parts(Endpoint.CHAT, body).overhead_tokens > 10_000


WORDS = [
    "messages",
    "role",
    "content",
    "name",
    "tool_calls",
    "function",
    "function_call",
    "tools",
    "prediction",
    "type",
]
WRONG = st.recursive(
    JSON,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=20,
)


@given(body=st.dictionaries(st.sampled_from([*WORDS, "response_format", "functions", "prompt", "input"]), WRONG))
@pytest.mark.parametrize("endpoint", list(Endpoint))
def test_wrong_types_never_raise(endpoint: Endpoint, body: dict[str, Any]) -> None:
    """Any JSON object gives an answer."""
    assert prompt_parts(endpoint, body).ids >= 0
    assert json_parts(endpoint, body).overhead_tokens >= 0
