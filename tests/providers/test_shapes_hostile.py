"""Every documented answer with numbers that no provider means: nothing is raised, and what is read can be true.

The rule that matters: whatever stands in an answer, a usage is whole numbers from 0, its parts inside it.
"""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model import Endpoint, Usage
from gateway.providers.dialect import FORMATS
from tests.providers.shapes import SHAPES, Shape
from tests.providers.shapes.shape import EVENT_STREAM
from tests.providers.test_shapes_metered import call_of

READABLE = tuple(shape for shape in SHAPES if shape.content_type != EVENT_STREAM)
MOST_TOKENS = 10**10

_NUMBER = re.compile(rb"(?<=:)( ?)(\d+)(?=[,}\]\s])")
HOSTILE = (b"-1", b"0", b"1", b"999999999", b"1000000000000000000000000", b"1.5", b"1e400", b"null", b"true", b'"7"')
HOSTILE += (b"[]", b"[3]", b"{}", b'{"a":1}', b"-0", b"-9223372036854775809")


def broken(shape: Shape, values: list[bytes]) -> bytes:
    """Give its body with each number after a colon replaced, the values taken in turns."""
    turns = iter(range(10**6))
    return _NUMBER.sub(lambda found: found[1] + values[next(turns) % len(values)], shape.body)


def read(shape: Shape, body: bytes) -> Usage | None:
    """Read an answer as its format does."""
    call, wire_format = call_of(shape), FORMATS[Endpoint(shape.endpoint)]
    if not call.stream:
        wire_format.answer_texts(call, body)
        return wire_format.usage_of(call, body)
    meter = wire_format.meter(call)
    passed = meter.feed(body) + meter.finish() + meter.last
    assert passed.rstrip() == body.rstrip()
    assert meter.bound_tokens >= sum(len(text) for text in meter.take_texts()) or meter.unread_tokens
    return meter.usage


def check(usage: Usage | None) -> None:
    """Check that a usage can be true."""
    if usage is None:
        return
    numbers = [getattr(usage, name) for name in Usage.__annotations__ if name != "estimated"]
    assert {type(value) for value in numbers} == {int}
    assert all(0 <= value <= MOST_TOKENS for value in numbers)
    assert usage.cache_read_tokens + usage.cache_creation_tokens <= usage.input_tokens
    assert usage.cache_creation_1h_tokens <= usage.cache_creation_tokens
    assert usage.input_audio_tokens <= usage.input_tokens
    assert max(usage.reasoning_tokens, usage.output_audio_tokens) <= usage.output_tokens


@pytest.mark.parametrize("shape", READABLE, ids=lambda shape: shape.name)
def test_one_hostile_number_everywhere(shape: Shape) -> None:
    """All numbers of an answer replaced by the same nonsense."""
    for value in HOSTILE:
        check(read(shape, broken(shape, [value])))


@given(st.sampled_from(READABLE), st.lists(st.sampled_from((*HOSTILE, b"5", b"40", b"3000")), min_size=1, max_size=7))
@settings(max_examples=400)
def test_hostile_numbers_mixed(shape: Shape, values: list[bytes]) -> None:
    """Numbers that contradict each other: parts above their wholes, totals below their parts, one side missing."""
    check(read(shape, broken(shape, values)))


@given(st.sampled_from(READABLE), st.data())
@settings(max_examples=300)
def test_a_body_that_is_cut(shape: Shape, data: st.DataObject) -> None:
    """An answer that ends anywhere raises nothing, and is never read as more than was told in full."""
    end = data.draw(st.integers(0, len(shape.body)))
    check(read(shape, shape.body[:end]))
