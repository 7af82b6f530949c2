"""What an answer says that it took, in every documented shape and in shapes that cannot be true."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Usage
from gateway.providers.anthropic import messages
from tests.providers.anthropic.asking import ask
from tests.providers.shapes.anthropic import SHAPES
from tests.providers.shapes.shape import Shape

WHOLE = [shape for shape in SHAPES if not shape.stream]


def usage_of(usage: Any) -> Usage | None:
    return messages.usage_of(ask(), json.dumps({"content": [], "usage": usage}).encode())


@pytest.mark.parametrize("shape", WHOLE, ids=lambda shape: shape.name)
def test_documented_answers(shape: Shape) -> None:
    """The provider's own numbers, put together as its bill does."""
    assert messages.usage_of(ask(), shape.body) == shape.usage


@pytest.mark.parametrize(
    "usage",
    [
        None,
        [],
        {},
        {"input_tokens": 5},
        {"output_tokens": 5},
        {"input_tokens": -5, "output_tokens": 5},
        {"input_tokens": True, "output_tokens": 5},
        {"input_tokens": "5", "output_tokens": 5},
        {"input_tokens": 5, "output_tokens": 5.0},
        {"input_tokens": 5, "output_tokens": 10**10},
        {"input_tokens": 5, "cache_read_input_tokens": "5", "output_tokens": 5},
    ],
)
def test_what_cannot_be_true_is_no_usage(usage: Any) -> None:
    """A missing side, a boolean, a negative or an absurd number: then the gateway counts."""
    assert usage_of(usage) is None


@pytest.mark.parametrize(
    ("fields", "usage"),
    [
        ({"output_tokens_details": {"thinking_tokens": 90}}, Usage(15, 7, 10, reasoning_tokens=7)),
        ({"cache_creation": {"ephemeral_1h_input_tokens": 90}}, Usage(15, 7, 10)),
        ({"output_tokens_details": [], "cache_creation": "x", "iterations": {}}, Usage(15, 7, 10)),
        ({"iterations": [1, {"type": "compaction", "input_tokens": "x", "output_tokens": 3}]}, Usage(15, 10, 10)),
        ({"iterations": [{"type": "message", "input_tokens": 5, "output_tokens": 7}]}, Usage(15, 7, 10)),
    ],
)
def test_parts_never_exceed_their_whole(fields: dict[str, Any], usage: Usage) -> None:
    """Details are clamped, and garbage among them is nothing."""
    assert usage_of({"input_tokens": 5, "cache_read_input_tokens": 10, "output_tokens": 7, **fields}) == usage


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["usage", "input_tokens", "output_tokens", "iterations", "type", "content", "text"]),
                inner,
            )
        ),
    )
)
def test_any_json_gives_an_answer(value: Any) -> None:
    """No shape raises, and none gives a part above its whole."""
    body = json.dumps(value).encode()
    usage = messages.usage_of(ask(), body)
    assert usage is None or 0 <= usage.cache_read_tokens + usage.cache_creation_tokens <= usage.input_tokens
    assert all(type(text) is str for text in messages.answer_texts(ask(), body))
