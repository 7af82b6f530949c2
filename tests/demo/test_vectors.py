"""The demo model's embeddings."""

import base64
import math
import struct

import pytest

from gateway.demo.vectors import MAX_DIMENSIONS, EmbeddingCall, embed, vector
from tests.provider.counting import count


@pytest.mark.parametrize("dimensions", [1, 2, 256, 1536])
def test_vectors_are_unit_and_depend_on_the_text_alone(dimensions: int) -> None:
    """Length one, the same each time, another for another text."""
    assert math.isclose(math.hypot(*vector("text", dimensions)), 1.0)
    assert vector("text", dimensions) == vector("text", dimensions)
    assert dimensions == 1 or vector("text", dimensions) != vector("other", dimensions)


@pytest.mark.parametrize(("asked", "given"), [(None, 256), (8, 8), (10**9, MAX_DIMENSIONS), (-1, 1)])
def test_dimensions_are_as_asked_within_reason(asked: int | None, given: int) -> None:
    """A default, and a most."""
    data = embed(EmbeddingCall("demo", "text", dimensions=asked), count)["data"]
    assert len(data[0]["embedding"]) == given


def test_base64_is_float32() -> None:
    """Both encodings hold the same numbers."""
    packed = embed(EmbeddingCall("demo", "text", encoding_format="base64"), count)["data"][0]["embedding"]
    assert struct.unpack("<256f", base64.b64decode(packed)) == pytest.approx(vector("text", 256))


@pytest.mark.parametrize(
    ("given", "vectors", "tokens"),
    [("hello", 1, 1), (["hello", "world"], 2, 2), ([1, 2, 3], 1, 3), ([[1, 2], [3]], 2, 3), ([], 0, 0)],
)
def test_every_form_of_input_is_counted(given: list[str], vectors: int, tokens: int) -> None:
    """Texts and token ids, one or many."""
    answer = embed(EmbeddingCall("demo", given), count)
    assert (len(answer["data"]), answer["usage"]["total_tokens"]) == (vectors, tokens)
