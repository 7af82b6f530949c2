"""Framings: frames joined are the bytes fed, do not depend on the split, and are whole unless they say otherwise."""

from collections.abc import Callable, Sequence
from itertools import groupby

from hypothesis import strategies as st

from gateway.providers.eventstream import MessageSplitter, encode
from gateway.providers.eventstream import decode as decode_message
from gateway.providers.gemini.array import ArraySplitter
from gateway.providers.metering import Framing
from gateway.providers.ndjson import LineSplitter
from gateway.providers.sse import Fragment, Splitter, data_of
from tests.fuzz.cases import Case, mutated, numbered, read_case
from tests.providers.shapes import SHAPES
from tests.providers.shapes.shape import EVENT_STREAM, JSON, NDJSON, SSE

LIMITS = (16, 64, 300, 5_000)
_COPIES = (1, 2, 40)


def _bodies(content_type: str) -> list[bytes]:
    return [shape.body for shape in SHAPES if shape.stream and shape.content_type == content_type]


_BITS = st.lists(st.sampled_from([b"a", b"data: x", b"\n", b"\r", b"\r\n", b"\n\n", b'{"a":"]"}', b"[", b"]", b","]))
_MESSAGES = [encode({":event-type": "x"}, bytes(size)) for size in (0, 1, 200)]
SSE_CASES = numbered(mutated(_bodies(SSE)) | st.builds(b"".join, _BITS) | st.binary(max_size=40))
LINE_CASES = numbered(mutated(_bodies(NDJSON)) | st.builds(b"".join, _BITS))
ARRAY_CASES = numbered(mutated(_bodies(JSON)) | st.builds(b"".join, _BITS))
MESSAGE_CASES = numbered(mutated([*_bodies(EVENT_STREAM), *_MESSAGES]))


def pieces(framing: Framing, chunks: Sequence[bytes]) -> list[bytes]:
    """Give all that a framing makes of these chunks."""
    found = [frame for chunk in chunks for frame in framing.feed(chunk)]
    return [piece for piece in (*found, framing.flush()) if piece]


def _told(found: Sequence[bytes]) -> list[tuple[bool, bytes]]:
    """Give the frames, those of one run of fragments joined: how a large frame is cut depends on the split."""
    told: list[tuple[bool, bytes]] = []
    for is_fragment, run in groupby(found, lambda piece: isinstance(piece, Fragment)):
        frames = list(run)
        told += [(True, b"".join(frames))] if is_fragment else [(False, frame) for frame in frames]
    return told


def _check(case: bytes, make: Callable[[int], Framing], *, is_split_free: bool = True) -> tuple[Case, list[bytes]]:
    one = read_case(case)
    most, data = one.choice(0, LIMITS), one.data * one.choice(1, _COPIES)
    at_once, cut = pieces(make(most), [data]), pieces(make(most), one.chunks(data, 2))
    assert b"".join(at_once) == data
    assert b"".join(cut) == data
    assert all(len(piece) <= most for piece in cut if not isinstance(piece, Fragment))
    if is_split_free:
        assert _told(cut) == _told(at_once)
    return one, cut


def sse(case: bytes) -> None:
    """Check server-sent events; and what their data are never raises."""
    _, cut = _check(case, Splitter)
    for piece in cut:
        assert len(data_of(piece)) <= len(piece)


def lines(case: bytes) -> None:
    """Check JSON lines: each but the last ends with the only line feed in it."""
    _, cut = _check(case, LineSplitter)
    for piece in cut[:-1]:
        assert isinstance(piece, Fragment) or piece.find(b"\n") == len(piece) - 1


def array(case: bytes) -> None:
    """Check a streamed array."""
    _check(case, ArraySplitter)


def messages(case: bytes) -> None:
    """Check Amazon's messages; those that are whole can be read or say that they cannot."""
    _, cut = _check(case, MessageSplitter)
    for piece in cut:
        if not isinstance(piece, Fragment):
            message = decode_message(piece)
            assert message is None or piece.endswith(message.payload, 0, -4)
