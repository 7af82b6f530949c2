"""What the model said in an answer, whatever it said it in."""

import json
from typing import Any

import pytest

from gateway.model import Endpoint
from gateway.providers.anthropic import messages
from tests.providers.anthropic.asking import BODY, ask, call_of


def texts(*content: Any) -> list[str]:
    return messages.answer_texts(ask(), json.dumps({"content": list(content)}).encode())


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"type": "text", "text": "Hello", "citations": [{"cited_text": "x"}]}, ["Hello"]),
        ({"type": "thinking", "thinking": "Hm", "signature": "EsEC"}, ["Hm"]),
        ({"type": "redacted_thinking", "data": "Zm9v"}, ["Zm9v"]),
        ({"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}}, ["f", '{"a":1}']),
        ({"type": "tool_use", "id": "t", "name": "f", "input": {}}, ["f"]),
        ({"type": "server_tool_use", "name": "web_search", "input": {"query": "q"}}, ["web_search", '{"query":"q"}']),
        ({"type": "compaction", "content": "Summary"}, ["Summary"]),
        ({"type": "web_search_tool_result", "content": [{"title": "x"}], "text": "x"}, []),
        ({"type": "mcp_tool_listing", "name": "x"}, []),
        ({"type": None, "text": 3}, []),
        ("text", []),
    ],
)
def test_blocks(block: Any, said: list[str]) -> None:
    """Everything that the model produces, and nothing that the provider put in."""
    assert texts(block) == said


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"content": 3}', b"\xff"])
def test_garbage_has_no_texts(body: bytes) -> None:
    """What is no answer says nothing."""
    assert messages.answer_texts(ask(), body) == []


def test_a_count_says_nothing() -> None:
    """Its answer is a number."""
    call = call_of(BODY, Endpoint.COUNT_TOKENS)
    assert messages.answer_texts(call, b'{"input_tokens": 3, "content": [{"type": "text", "text": "x"}]}') == []


def test_a_flaw_hides_nothing() -> None:
    """A lone surrogate or a byte that is no UTF-8 does not make an answer uncounted."""
    body = b'{"content": [{"type": "text", "text": "a\\ud800b\xff"}]}'
    assert len(messages.answer_texts(ask(), body)[0]) == 4
