"""Lines from bytes: joined they are the bytes, for any split, and none is gathered beyond its limit."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.ndjson import MAX_LINE_BYTES, LineSplitter
from gateway.providers.sse import Fragment


def cut(chunks: list[bytes], most_bytes: int = MAX_LINE_BYTES) -> list[bytes]:
    """Give all pieces of a stream, what is left at its end included."""
    splitter = LineSplitter(most_bytes)
    pieces = [piece for chunk in chunks for piece in splitter.feed(chunk)]
    return [piece for piece in (*pieces, splitter.flush()) if piece]


def test_whole_lines() -> None:
    """Each line comes with its line feed, as soon as that has arrived, and the last one without."""
    assert cut([b'{"a":1}\n{"b"', b":2}\r\n", b"\n", b'{"c":3}']) == [b'{"a":1}\n', b'{"b":2}\r\n', b"\n", b'{"c":3}']


def test_a_whole_line_is_the_chunk_itself() -> None:
    """The commonest chunk is not copied."""
    chunk, splitter = b'{"a":1}\n', LineSplitter()
    assert splitter.feed(chunk)[0] is chunk
    assert splitter.is_between_frames
    assert splitter.feed(b'{"b"') == []
    assert not splitter.is_between_frames


def test_a_long_line_passes_unread() -> None:
    """A line over the limit comes in pieces that are no lines; the one after it is read again."""
    for chunks in ([b"12345678", b"90\nok\n"], [b"1234567890\nok\n"], [b"1234", b"5", b"67890", b"\nok\n"]):
        *pieces, last = cut(chunks, 4)
        assert last == b"ok\n"
        assert type(last) is bytes
        assert {type(piece) for piece in pieces} == {Fragment}
        assert b"".join(pieces) == b"1234567890\n"


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=8), st.integers(1, 12))
def test_any_split_gives_the_same(data: bytes, cuts: list[int], most_bytes: int) -> None:
    """The pieces joined are the bytes; whole lines, and how much passes unread, do not depend on the split."""
    data = data.replace(b"\x00", b"\n")
    places = sorted(min(place, len(data)) for place in cuts)
    chunks = [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]
    once, split = cut([data], most_bytes), cut(chunks, most_bytes)
    assert b"".join(split) == data
    assert [piece for piece in split if type(piece) is bytes] == [piece for piece in once if type(piece) is bytes]
