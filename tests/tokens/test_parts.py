"""A body as JSON: everything counts, and tool definitions as one text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Endpoint
from gateway.tokens import prompt_parts
from gateway.tokens.parts import json_parts
from tests.tokens.bodies import JSON, WEATHER, WEATHER_TOOLS

OTHERS = [
    endpoint
    for endpoint in Endpoint
    if endpoint
    not in {
        Endpoint.CHAT,
        Endpoint.COMPLETIONS,
        Endpoint.EMBEDDINGS,
        Endpoint.RESPONSES,
        Endpoint.RESPONSES_COMPACT,
    }
]


@pytest.mark.parametrize("name", ["tools", "functions", "toolConfig"])
def test_tool_definitions_are_one_text(name: str) -> None:
    """They come again with every call, so they are counted as one text that can be remembered."""
    parts = json_parts(Endpoint.CHAT, {"messages": WEATHER, name: WEATHER_TOOLS})
    assert sum('"get_current_weather"' in text for text in parts.texts) == 1
    assert "get_current_weather" not in parts.texts


@pytest.mark.parametrize("wrong", [1 << 99, "\ud800", float("nan")])
def test_what_has_no_encoding_is_walked(wrong: Any) -> None:
    """Numbers beyond 64 bits and halves of a surrogate pair are no reason to fail."""
    parts = json_parts(Endpoint.MESSAGES, {"tools": [{"name": "hello world", "value": wrong}]})
    assert parts.complete
    assert any("hello world" in text for text in parts.texts)


def test_deep_tools_are_walked() -> None:
    """Definitions that nest a hundred thousand levels deep count without recursion."""
    value: dict[str, Any] = {}
    for _ in range(100_000):
        value = {"a": value}
    assert json_parts(Endpoint.MESSAGES, {"tools": [value]}).overhead_tokens > 100_000


@pytest.mark.parametrize("endpoint", OTHERS)
@given(body=st.dictionaries(st.text(max_size=8), JSON, max_size=5))
def test_an_operation_without_a_formula_counts_as_json(endpoint: Endpoint, body: dict[str, Any]) -> None:
    """Whoever serves it: where OpenAI's way to count is not known, the whole body counts."""
    assert prompt_parts(endpoint, body) == json_parts(endpoint, body)
    assert set(body) <= set(json_parts(endpoint, body).texts)
