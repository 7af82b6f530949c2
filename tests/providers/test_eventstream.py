"""Amazon's event stream beside a decoder of its own, written from the specification: not the gateway's.

(https://smithy.io/2.0/aws/amazon-eventstream.html)
"""

import struct
import zlib
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.eventstream import MAX_MESSAGE_BYTES, MessageSplitter, decode, encode
from gateway.providers.sse import Fragment
from tests.provider.eventstream import read_all
from tests.providers.shapes import SHAPES
from tests.providers.shapes.shape import EVENT_STREAM

STREAMS = [shape.body for shape in SHAPES if shape.content_type == EVENT_STREAM]
NAMES = st.text(min_size=1, max_size=20)
HEADERS = st.dictionaries(NAMES, st.text(max_size=40), max_size=5)


def cut(chunks: list[bytes], most_bytes: int = MAX_MESSAGE_BYTES) -> list[bytes]:
    """Give all pieces of a stream, what is left at its end included."""
    splitter = MessageSplitter(most_bytes)
    pieces = [piece for chunk in chunks for piece in splitter.feed(chunk)]
    return [piece for piece in (*pieces, splitter.flush()) if piece]


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    """Cut bytes at some places."""
    places = sorted(min(place, len(data)) for place in cuts)
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


@given(HEADERS, st.binary(max_size=200))
def test_what_we_encode_is_what_others_read(headers: dict[str, str], payload: bytes) -> None:
    """A message of ours is one by the specification, checksums and all, and our own reading of it is the same."""
    data = encode(headers, payload)
    assert read_all(data) == [(headers, payload)]
    message = decode(data)
    assert message is not None
    assert (message.headers, message.payload) == (headers, payload)


@pytest.mark.parametrize("stream", STREAMS)
def test_recorded_streams(stream: bytes) -> None:
    """Of documented streams each message is read as the specification says."""
    messages = [decode(piece) for piece in cut([stream])]
    assert [(message.headers, message.payload) for message in messages if message] == read_all(stream)
    assert len(messages) == len(read_all(stream)) > 2


@given(st.sampled_from(STREAMS), st.lists(st.integers(0, 2000), max_size=20))
def test_any_split_gives_the_same(stream: bytes, cuts: list[int]) -> None:
    """However the bytes are cut, the messages are the same, and joined they are the bytes."""
    pieces = cut(split(stream, cuts))
    assert pieces == cut([stream])
    assert b"".join(pieces) == stream


def test_a_whole_message_leaves_nothing_behind() -> None:
    """Between two messages nothing is held back."""
    splitter, data = MessageSplitter(), encode({}, b"{}")
    assert splitter.feed(data) == [data]
    assert splitter.is_between_frames
    assert splitter.feed(data[:5]) == []
    assert not splitter.is_between_frames


@given(st.sampled_from(STREAMS), st.integers(0, 5000), st.integers(1, 255), st.lists(st.integers(0, 2000), max_size=9))
def test_a_flaw_stops_the_reading(stream: bytes, place: int, flaw: int, cuts: list[int]) -> None:
    """One wrong byte: the messages before it are read, all from there on passes unread, and not a byte is lost."""
    place %= len(stream)
    flawed = stream[:place] + bytes([stream[place] ^ flaw]) + stream[place + 1 :]
    pieces = cut(split(flawed, cuts))
    whole = [piece for piece in pieces if type(piece) is bytes]
    assert b"".join(pieces) == flawed
    assert pieces[: len(whole)] == whole
    assert whole == [one for one in cut([stream])[: len(whole)] if type(one) is bytes]
    assert len(b"".join(whole)) <= place
    assert any(type(piece) is Fragment for piece in pieces)


@given(st.lists(st.binary(max_size=60), max_size=9))
def test_noise_passes(chunks: list[bytes]) -> None:
    """Bytes that are no event stream pass as they are, unread."""
    pieces = cut(chunks)
    assert b"".join(pieces) == b"".join(chunks)
    assert {type(piece) for piece in pieces} <= {Fragment}


def prelude(total: int, headers: int) -> bytes:
    """Make the beginning of a message with a right checksum."""
    lengths = struct.pack("!II", total, headers)
    return lengths + struct.pack("!I", zlib.crc32(lengths))


@pytest.mark.parametrize(("total", "headers"), [(0, 0), (15, 0), (16, 1), (2**32 - 1, 0), (101, 0), (100, 2**32 - 1)])
def test_an_absurd_length_is_not_waited_for(total: int, headers: int) -> None:
    """A length that no message has, or over the limit, is not gathered, though its checksum is right."""
    data = prelude(total, headers) + b"x" * 40
    (piece,) = cut([data], 100)
    assert piece == data
    assert type(piece) is Fragment


def raw(headers: bytes, payload: bytes = b"") -> bytes:
    """Make a message with any bytes for headers."""
    head = prelude(16 + len(headers) + len(payload), len(headers)) + headers + payload
    return head + struct.pack("!I", zlib.crc32(head))


def test_headers_of_every_type_are_passed_over() -> None:
    """Only strings are kept, and each other type is as long as it is."""
    values = {
        0: b"",
        1: b"",
        2: b"\x01",
        3: b"\x00\x01",
        4: b"\x00" * 4,
        5: b"\x00" * 8,
        6: b"\x00\x03abc",
        7: b"\x00\x02ok",
        8: b"\x00" * 8,
        9: UUID(int=7).bytes,
    }
    headers = b"".join(b"\x02h" + str(kind).encode() + bytes([kind]) + value for kind, value in values.items())
    message = decode(raw(headers, b"{}"))
    assert message is not None
    assert (message.headers, message.payload) == ({"h7": "ok"}, b"{}")


@pytest.mark.parametrize("headers", [b"\x05ab", b"\x01a", b"\x01a\x0a", b"\x01a\x07\x00", b"\x02\xff\xff\x00"])
def test_headers_that_do_not_fit_are_none(headers: bytes) -> None:
    """A message whose headers end too early, or have no known type, is not read; nothing is raised."""
    assert decode(raw(headers)) is None


@given(st.binary(max_size=40))
def test_any_headers_are_read_or_not(headers: bytes) -> None:
    """Whatever stands where headers should, nothing is raised and the payload is the payload."""
    message = decode(raw(headers, b"{}"))
    assert message is None or message.payload == b"{}"
