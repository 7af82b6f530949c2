"""What an answer in one piece says of its usage, and its texts."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Endpoint, Usage
from gateway.providers.gemini import content
from gateway.providers.gemini.usage import reported
from tests.providers.gemini.asking import HELLO, ask, call_of
from tests.providers.shapes.gemini import SHAPES
from tests.providers.shapes.shape import Shape

WHOLE = [shape for shape in SHAPES if not shape.stream]
BODY = {"contents": HELLO, "content": HELLO[0], "requests": [{"content": HELLO[0]}]}


@pytest.mark.parametrize("shape", WHOLE, ids=lambda shape: shape.name)
def test_documented_answers(shape: Shape) -> None:
    """The usage of each."""
    assert content.usage_of(call_of(BODY, Endpoint(shape.endpoint)), shape.body) == shape.usage


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        ({"promptTokenCount": 5, "totalTokenCount": 5}, Usage(5, 0)),
        ({"candidatesTokenCount": 5, "totalTokenCount": 12}, Usage(7, 5)),
        ({"totalTokenCount": 12}, Usage(12, 0)),
        # A total above its parts: what nobody named was produced.
        ({"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 20}, Usage(5, 15)),
        ({"promptTokenCount": 5, "candidatesTokenCount": 3, "totalTokenCount": 2}, Usage(5, 3)),
        ({"promptTokenCount": 5, "cachedContentTokenCount": 9}, Usage(5, 0, cache_read_tokens=5)),
        ({"promptTokenCount": 5, "cachedContentTokenCount": -9}, Usage(5, 0)),
        ({"promptTokenCount": True}, None),
        ({"promptTokenCount": "5"}, None),
        ({"promptTokenCount": 5, "candidatesTokenCount": -1}, None),
        ({"promptTokenCount": 10**12}, None),
        ({"candidatesTokenCount": 5}, None),
        ({}, None),
        ([], None),
    ],
)
def test_counts(raw: Any, usage: Usage | None) -> None:
    """What is left out is zero, or what the total leaves; what cannot be true is none."""
    assert reported(raw) == usage


def test_sound_both_ways() -> None:
    """Tokens of sound, each within its whole."""
    raw = {
        "promptTokenCount": 50,
        "toolUsePromptTokenCount": 10,
        "candidatesTokenCount": 5,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 30}, {"modality": "TEXT", "tokenCount": 20}],
        "toolUsePromptTokensDetails": [{"modality": "AUDIO", "tokenCount": 7}, "garbage", {"modality": "AUDIO"}],
        "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 9}],
    }
    assert reported(raw) == Usage(60, 5, input_audio_tokens=37, output_audio_tokens=5)


@given(
    st.dictionaries(
        st.sampled_from(["promptTokenCount", "thoughtsTokenCount", "totalTokenCount", "cachedContentTokenCount"]),
        st.integers(-5, 50) | st.booleans() | st.none(),
    )
)
def test_parts_stay_within_their_whole(raw: dict[str, Any]) -> None:
    """Whatever is reported."""
    usage = reported(raw)
    assert usage is None or (
        0 <= usage.cache_read_tokens <= usage.input_tokens and 0 <= usage.reasoning_tokens <= usage.output_tokens
    )


def test_the_texts_of_an_answer() -> None:
    """A blocked one, an embedding and garbage have none."""
    said = {"candidates": [{"content": {"parts": [{"text": "a"}, {"text": "b"}]}}, {"finishReason": "SAFETY"}]}
    assert content.answer_texts(ask(), json.dumps(said).encode()) == ["ab"]
    silent = [b"", b"[1]", b'{"candidates":[5,{"content":[]}]}', b'{"embedding":{"values":[0.1]}}']
    assert [content.answer_texts(ask(), body) for body in silent] == [[], [], [], []]


def test_garbage_says_nothing() -> None:
    """No usage in it, and no error."""
    assert [content.usage_of(ask(), body) for body in (b"", b"nonsense", b'{"usageMetadata":5}')] == [None] * 3
