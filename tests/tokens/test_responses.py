"""OpenAI's responses by the formula: each item costs what the same costs in a chat."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Endpoint
from gateway.tokens import prompt_parts
from gateway.tokens.constants import INSTRUCTIONS_SLACK_TOKENS
from gateway.tokens.text import Encoding, count, count_all
from tests.tokens.bodies import JARGON, JSON, WEATHER, WEATHER_TOOLS

RESPONSES = Endpoint.RESPONSES
FLAT = {"type": "function", **WEATHER_TOOLS[0]["function"]}


def tokens(encoding: Encoding, body: dict[str, Any], endpoint: Endpoint = RESPONSES) -> int:
    """Sum a body's parts."""
    parts = prompt_parts(endpoint, body)
    assert parts.complete
    return count_all(encoding, parts.texts) + parts.overhead_tokens + parts.ids


@pytest.mark.parametrize("endpoint", [Endpoint.RESPONSES, Endpoint.RESPONSES_COMPACT])
def test_a_response_costs_what_the_chat_costs(o200k: Encoding, endpoint: Endpoint) -> None:
    """The published examples count alike as messages of a chat and as items of an input."""
    assert tokens(o200k, {"input": JARGON}, endpoint) == 124
    chat = tokens(o200k, {"messages": WEATHER, "tools": WEATHER_TOOLS}, Endpoint.CHAT)
    instructions, question = WEATHER[0]["content"], WEATHER[1]["content"]
    assert tokens(o200k, {"instructions": instructions, "input": question, "tools": [FLAT]}, endpoint) == chat == 101


HELLO = {"role": "user", "content": "hello"}
SEALED = "gAAAAAB" + "x" * 93


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (HELLO, 5),
        ({**HELLO, "type": "message", "id": "msg_0123456789", "status": "completed"}, 5),
        ({"role": "user", "content": [{"type": "input_text", "text": "hello"}, {"type": "input_image"}]}, 5),
        ({"role": "assistant", "content": [{"type": "refusal", "refusal": "hello"}]}, 5),
        ({"type": "function_call", "call_id": "c", "name": "hello", "arguments": "hello world"}, 4 + 8 + 3),
        ({"type": "custom_tool_call", "call_id": "c", "name": "hello", "input": "hello world"}, 4 + 8 + 3),
        ({"type": "function_call_output", "call_id": "c", "output": "hello world"}, 6),
        ({"type": "function_call_output", "output": [{"type": "input_text", "text": "hello"}]}, 5),
        ({"type": "custom_tool_call_output", "output": "hello"}, 5),
        ({"type": "reasoning", "id": "rs_1", "encrypted_content": SEALED}, 4 + 2 + 25),
        ({"type": "compaction", "id": "cmp_1", "encrypted_content": SEALED}, 4 + 2 + 25),
        ({"type": "something", "text": "hello"}, 4 + 2 + 1 + 2 + 1 + 1 + 2 + 1),
        ("hello", 5),
        (None, 4),
    ],
)
def test_items(encoding: Encoding, item: Any, expected: int) -> None:
    """Each kind of item has its cost, sealed thoughts by their length, and an unknown one as JSON."""
    assert tokens(encoding, {"input": [item]}) == 3 + expected


def test_open_thoughts_count(encoding: Encoding) -> None:
    """A summary that is sent back is read."""
    bare = {"type": "reasoning", "summary": []}
    told = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hello world"}]}
    assert tokens(encoding, {"input": [told]}) > tokens(encoding, {"input": [bare]}) + 2


def test_a_schema_and_other_tools_count_as_json(encoding: Encoding) -> None:
    """The answer's schema and a tool that is no function stand in the prompt as they were sent."""
    plain = {"input": "hello"}
    wanted = {"type": "json_schema", "name": "a", "schema": {"type": "object"}}
    schema = '{"type":"json_schema","name":"a","schema":{"type":"object"}}'
    assert tokens(encoding, {**plain, "text": {"format": wanted}}) == tokens(encoding, plain) + count(encoding, schema)
    assert tokens(encoding, {**plain, "text": {"format": {"type": "text"}}}) == tokens(encoding, plain)
    grammar = "start: item+ " * 50
    custom = {"type": "custom", "name": "parse", "format": {"type": "grammar", "syntax": "lark", "definition": grammar}}
    assert tokens(encoding, {**plain, "tools": [custom]}) > tokens(encoding, plain) + count(encoding, grammar)


def test_instructions_may_bring_more() -> None:
    """What may stand beside instructions is no part of the count, but told."""
    assert prompt_parts(RESPONSES, {"input": "hello"}).slack_tokens == 0
    assert prompt_parts(RESPONSES, {"input": "hello", "instructions": ""}).slack_tokens == INSTRUCTIONS_SLACK_TOKENS


KEYS = ["type", "role", "content", "output", "name", "arguments", "summary", "encrypted_content", "text", "format"]
KINDS = ["message", "function_call", "function_call_output", "reasoning", "compaction", "custom", "json_schema"]
WRONG = st.recursive(
    JSON | st.sampled_from(KINDS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6),
    max_leaves=20,
)


@given(body=st.dictionaries(st.sampled_from(["instructions", "input", "tools", "text", "prompt"]), WRONG))
def test_wrong_types_never_raise(body: dict[str, Any]) -> None:
    """Any JSON object gives an answer."""
    assert prompt_parts(RESPONSES, body).overhead_tokens >= 0


def test_deep_items_count_without_recursion() -> None:
    """An item that nests ten thousand levels deep is walked, a schema that does is left to the byte bound."""
    value: dict[str, Any] = {}
    for _ in range(10_000):
        value = {"a": value}
    assert prompt_parts(RESPONSES, {"input": [{"type": "new", "a": value}]}).overhead_tokens > 10_000
    assert not prompt_parts(
        RESPONSES, {"input": "hi", "text": {"format": {"type": "json_schema", "a": value}}}
    ).complete
