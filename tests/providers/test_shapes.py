"""The table of answers itself: whole, sourced, framed as it says, and true to the totals that it holds."""

import base64
import json
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import pytest

from gateway.model import Endpoint
from tests.providers.shapes import SHAPES, Shape
from tests.providers.shapes.bedrock import event
from tests.providers.shapes.shape import EVENT_STREAM, JSON, NDJSON, SSE

EACH = pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)

TOTALS = {"total_tokens", "totalTokenCount", "totalTokens"}

# The metadata event of a recorded stream (pydantic/pydantic-ai, test_bedrock_model_stream.yaml), CRCs and all.
RECORDED_EVENT = base64.b64decode(
    "AAAA7wAAAE5ewuPwCzpldmVudC10eXBlBwAIbWV0YWRhdGENOmNvbnRlbnQtdHlwZQcAEGFwcGxpY2F0aW9uL2pzb24NOm1lc3NhZ2UtdHlwZQcABWV2"
    "ZW50eyJtZXRyaWNzIjp7ImxhdGVuY3lNcyI6MzkxfSwicCI6ImFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6IiwidXNhZ2UiOnsiaW5wdXRUb2tlbnMi"
    "OjEzLCJvdXRwdXRUb2tlbnMiOjgyLCJzZXJ2ZXJUb29sVXNhZ2UiOnt9LCJ0b3RhbFRva2VucyI6OTV9fZlcAvQ="
)
RECORDED_PAYLOAD = (
    '{"metrics":{"latencyMs":391},"p":"abcdefghijklmnopqrstuvwxyz","usage":{"inputTokens":13,"outputTokens":82,'
    '"serverToolUsage":{},"totalTokens":95}}'
)


def sse_values(body: bytes) -> list[Any]:
    """Decode server-sent events whose values are JSON, [DONE] left out."""
    frames = re.split(r"\r\n\r\n|\n\n", body.decode())
    assert frames.pop() == "", "a stream ends with a blank line"
    lines = [line for frame in frames for line in frame.splitlines() if not line.startswith((":", "event: "))]
    assert all(line.startswith("data: ") for line in lines)
    return [json.loads(line.removeprefix("data: ")) for line in lines if line != "data: [DONE]"]


def event_values(body: bytes) -> list[Any]:
    """Decode Amazon's event stream, both checksums of each message verified."""
    values = []
    while body:
        size, head, prelude_crc = struct.unpack_from("!III", body)
        message, body = body[:size], body[size:]
        assert len(message) == size
        assert prelude_crc == zlib.crc32(message[:8])
        assert struct.unpack("!I", message[-4:])[0] == zlib.crc32(message[:-4])
        values.append(json.loads(message[12 + head : -4]))
    return values


def values_of(shape: Shape) -> list[Any]:
    """Decode a body as its content type says; text and sound hold no values."""
    kind = shape.content_type.partition(";")[0]
    if kind == SSE:
        return sse_values(shape.body)
    if kind == EVENT_STREAM:
        return event_values(shape.body)
    if kind == NDJSON:
        assert shape.body.endswith(b"\n")
        return [json.loads(line) for line in shape.body.splitlines()]
    if kind == JSON:
        return list(json.loads(shape.body)) if shape.stream else [json.loads(shape.body)]
    return []


def totals_in(value: Any) -> Iterator[int]:
    """Find the totals that stand in an object's usage, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in TOTALS and isinstance(inner, int):
                yield inner
            elif key not in {"tool_usage", "messages"}:
                yield from totals_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from totals_in(inner)


def test_the_table_is_large() -> None:
    """At least sixty answers, and each dialect has its share."""
    assert len(SHAPES) >= 60
    wires = [Endpoint(shape.endpoint).wire for shape in SHAPES]
    assert {wire: wires.count(wire) >= 8 for wire in set(wires)} == dict.fromkeys(set(wires), True)


def test_names_are_unique() -> None:
    """No two answers have one name."""
    assert len({shape.name for shape in SHAPES}) == len(SHAPES)


def test_every_operation_is_there() -> None:
    """Each metered operation has an answer."""
    assert {shape.endpoint for shape in SHAPES} == {endpoint.value for endpoint in Endpoint}


@EACH
def test_a_source(shape: Shape) -> None:
    """Each answer says where it is documented or recorded, by more than a word."""
    assert len(shape.source.split()) > 1 or re.fullmatch(r"[\w.-]+/[\w.-]+#\d+", shape.source)


@EACH
def test_the_framing(shape: Shape) -> None:
    """Each body decodes as its content type says, each value of a stream is an object."""
    values = values_of(shape)
    assert shape.body
    assert all(isinstance(value, dict) for value in values)
    assert values or not shape.content_type.startswith((JSON, SSE, NDJSON, EVENT_STREAM))


@EACH
def test_parts_are_inside(shape: Shape) -> None:
    """No part of an expected usage is larger than its whole, and none is estimated but where the input is not told."""
    if (usage := shape.usage) is None:
        return
    assert not usage.estimated or usage.input_tokens == 0
    assert usage.cache_read_tokens + usage.cache_creation_tokens <= usage.input_tokens
    assert usage.cache_creation_1h_tokens <= usage.cache_creation_tokens
    assert usage.input_audio_tokens <= usage.input_tokens
    assert max(usage.reasoning_tokens, usage.output_audio_tokens) <= usage.output_tokens


@EACH
def test_the_total(shape: Shape) -> None:
    """Where the provider tells a total, the last one is the expected input and output together."""
    totals = [total for value in values_of(shape) for total in totals_in(value)]
    if totals and shape.usage is not None:
        assert shape.usage.input_tokens + shape.usage.output_tokens == totals[-1]


def test_the_encoder_against_a_recording() -> None:
    """Bedrock's events are encoded as they were recorded, to the byte."""
    assert event("metadata", RECORDED_PAYLOAD) == RECORDED_EVENT
