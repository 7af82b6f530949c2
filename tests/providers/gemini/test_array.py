"""The splitter of a streamed array: elements, each with what stands before it, for any split of the bytes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.gemini.array import ArraySplitter, element_of
from gateway.providers.sse import Fragment

VALUES = st.recursive(
    st.none() | st.integers() | st.text() | st.sampled_from(['"', "\\", '\\"', "]", "}{", "[,"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.lists(st.dictionaries(st.text(), VALUES, max_size=3), max_size=5)
COMMAS = st.sampled_from([",", ",\r\n", "\n,\r\n"])


def split(chunks: list[bytes], most_bytes: int = 1 << 20) -> list[bytes]:
    """Feed all chunks; give the frames, and what is left."""
    splitter = ArraySplitter(most_bytes)
    return [*(frame for chunk in chunks for frame in splitter.feed(chunk)), splitter.flush()]


def cut(data: st.DataObject, whole: bytes) -> list[bytes]:
    """Cut bytes anywhere."""
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=20)))
    return [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


@given(st.data(), OBJECTS, COMMAS, st.booleans())
def test_elements_come_one_by_one(data: st.DataObject, values: list[Any], comma: str, escaped: bool) -> None:
    """Each frame is one element, the last the bracket; joined they are the bytes."""
    whole = ("[" + comma.join(json.dumps(value, ensure_ascii=escaped) for value in values) + "\n]\n").encode(
        "utf-8", "surrogatepass"
    )
    frames = split(cut(data, whole))
    assert b"".join(frames) == whole
    assert [json.loads(element_of(frame)) for frame in frames[: len(values)]] == values
    assert [element_of(frame) for frame in frames[len(values) :]] == [b"]", b""]


@given(st.data(), OBJECTS, st.integers(1, 30))
def test_large_elements_pass_in_fragments(data: st.DataObject, values: list[Any], most_bytes: int) -> None:
    """Nothing over the limit is gathered, nothing is lost, and small elements between are whole."""
    whole = json.dumps(values).encode()
    frames = split(cut(data, whole), most_bytes)
    assert b"".join(frames) == whole
    assert all(len(frame) <= most_bytes for frame in frames if type(frame) is not Fragment)
    small = [value for place, value in enumerate(values) if len(json.dumps(value)) + bool(place) + 1 <= most_bytes]
    assert [json.loads(element_of(f)) for f in frames if type(f) is not Fragment and b"{" in f] == small


@given(st.lists(st.binary(max_size=50) | st.from_regex(rb'[\[\]{},"\\ ]{0,20}', fullmatch=True), max_size=10))
def test_noise_passes(chunks: list[bytes]) -> None:
    """Whatever comes, joined it is what came, and the frames do not depend on the split."""
    frames = split(chunks)
    assert b"".join(frames) == b"".join(chunks)
    assert [frame for frame in frames if frame] == [frame for frame in split([b"".join(chunks)]) if frame]


def test_little_is_held() -> None:
    """Of an element that never ends the limit is held, and of one that is too large nothing."""
    splitter = ArraySplitter(100)
    assert splitter.feed(b'[{"a":"' + b"x" * 90) == []
    assert not splitter.is_between_frames
    assert splitter.feed(b"x" * 50) == [b'[{"a":"' + b"x" * 140]
    assert splitter.feed(b"x\\") == [b"x"]
    assert splitter.feed(b'"x"},{}') == [b'\\"x"}', b",{}"]


def test_nothing_is_held_between_elements() -> None:
    """So a whole chunk may pass as it is."""
    splitter = ArraySplitter()
    splitter.feed(b"[{},{}")
    assert splitter.is_between_frames


@pytest.mark.parametrize("whole", [b'{"a":{"b":[{}]}}', b'  {"error":{"code":429}}'])
def test_an_object_alone_is_one_frame(whole: bytes) -> None:
    """A server that answers no array answers one element."""
    assert split([whole]) == [whole, b""]
