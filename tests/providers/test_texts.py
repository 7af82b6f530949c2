"""The generated texts of whole answers, for counting what nobody reported."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Endpoint
from gateway.providers.openai.texts import answer_texts, pieces
from tests.providers.answers import ANSWERS, Answer
from tests.providers.calls import BODIES, ask


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.name)
def test_a_recorded_answer(answer: Answer) -> None:
    """Of each provider's answer every generated text is found, and no other."""
    assert answer_texts(ask(answer.endpoint), answer.body.encode()) == answer.texts


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"<html>", b"{}", b'{"choices":7}', b'{"choices":[{"message":[]}]}']
)
@pytest.mark.parametrize("endpoint", list(BODIES))
def test_garbage_has_no_texts(endpoint: Endpoint, body: bytes) -> None:
    """A body of another shape has no texts, and nothing is raised."""
    assert answer_texts(ask(endpoint), body) == []


def test_details_speak_when_nothing_else_does() -> None:
    """Reasoning details are read where `reasoning` itself is left out."""
    details = [{"type": "reasoning.summary", "summary": "a"}, {"type": "reasoning.text", "text": "b"}]
    assert [text for _, text in pieces([{"delta": {"reasoning_details": details}}])] == ["a", "b"]
    assert [text for _, text in pieces([{"delta": {"reasoning": "ab", "reasoning_details": details}}])] == ["ab"]


def test_nested_parts_are_no_recursion() -> None:
    """Parts nested very deep are read without a deep stack."""
    content: list[object] = ["x"]
    for _ in range(100_000):
        content = [content]
    assert [text for _, text in pieces([{"message": {"content": content}}])] == ["x"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                [
                    "index",
                    "delta",
                    "message",
                    "text",
                    "content",
                    "tool_calls",
                    "function",
                    "arguments",
                    "name",
                    "audio",
                    "type",
                ]
            ),
            inner,
        )
    ),
)


@given(JSON)
def test_any_shape_gives_texts(choices: object) -> None:
    """Whatever stands where choices belong, the outcome is texts that are not empty."""
    assert all(type(text) is str and text for _, text in pieces(choices))


def test_arguments_with_a_lone_surrogate_are_text() -> None:
    """What the forgiving decoder lets in is counted; nothing raises."""
    call = {"function": {"name": "f", "arguments": {"a": "\ud800"}}}
    found = pieces([{"index": 0, "message": {"tool_calls": [call]}}])
    assert [text for _, text in found] == ["f", '{"a":"\ud800"}']
