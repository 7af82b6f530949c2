"""The splitter: whole frames, exactly as they came, for any split."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.providers.sse import MAX_FRAME_BYTES, Fragment, Splitter, data_of

ENDS = ["\n", "\r\n", "\r"]


def frames_of(chunks: list[bytes]) -> list[bytes]:
    """Feed all chunks and give all frames, the rest at the end of the stream included."""
    splitter = Splitter()
    frames = [frame for chunk in chunks for frame in splitter.feed(chunk)]
    return [*frames, rest] if (rest := splitter.flush()) else frames


def reference(whole: bytes) -> list[bytes]:
    """Cut by the standard's own words: split into lines, an empty line ends a frame."""
    frames, frame = [], b""
    for line in re.findall(rb"[^\r\n]*(?:\r\n|\n|\r|\Z)", whole):
        frame += line
        if line in {b"\n", b"\r\n", b"\r"} and frame != line:
            frames.append(frame)
            frame = b""
    return [*frames, frame] if frame else frames


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("second", ENDS)
def test_blank_lines(first: str, second: str) -> None:
    """Each pair of line ends makes a blank line, but LF after CR is one line end."""
    whole = f"data: a{first}{second}data: b{first}{second}".encode()
    count = 1 if (first, second) == ("\r", "\n") else 2
    assert len(frames_of([whole])) == count
    assert b"".join(frames_of([whole])) == whole


LINES = st.lists(
    st.sampled_from(
        [
            b"\n",
            b"\r\n",
            b"\r",
            b"\n\n",
            b"\r\n\r\n",
            b"\r\r",
            b"\n\r\n",
            b"data: a",
            b": c",
            b"\xef\xbb\xbf",
            b"\xc3",
            b"\xa9",
        ]
    ),
    max_size=30,
).map(b"".join)


@given(LINES, st.lists(st.integers(0, 120), max_size=12))
@example(b"a\r\n\r\nb", [4])
@example(b"a\r\r\n\nb", [2, 3, 4])
def test_any_split_gives_the_same_frames(whole: bytes, cuts: list[int]) -> None:
    """The frames are those of the whole, however it is cut, and joined they are the whole."""
    places = sorted(min(cut, len(whole)) for cut in cuts)
    chunks = [whole[start:end] for start, end in zip([0, *places], [*places, len(whole)], strict=True)]
    assert frames_of(chunks) == frames_of([whole])
    assert b"".join(frames_of(chunks)) == whole


@given(LINES)
def test_no_line_of_data_is_lost_or_merged(whole: bytes) -> None:
    """The data found frame by frame is the data that the standard's own algorithm finds."""
    ours = [data for frame in frames_of([whole]) if (data := data_of(frame))]
    theirs = [data for frame in reference(whole) if (data := data_of(frame))]
    assert ours == theirs


def test_a_frame_passes_as_the_chunk_itself() -> None:
    """One whole frame in one chunk costs no copy."""
    splitter = Splitter()
    for chunk in (b"data: a\n\n", b"data: a\r\n\r\n"):
        (frame,) = splitter.feed(chunk)
        assert frame is chunk
    assert splitter.is_between_frames


def test_a_trailing_carriage_return_waits() -> None:
    """A CR at the end of a chunk may be half a line end; the frame waits for the next byte or the end."""
    splitter = Splitter()
    assert splitter.feed(b"data: a\r\n\r") == []
    assert splitter.feed(b"\ndata: b\r\r") == [b"data: a\r\n\r\n"]
    assert splitter.flush() == b"data: b\r\r"


@pytest.mark.parametrize("size", [MAX_FRAME_BYTES - 2, MAX_FRAME_BYTES - 1, MAX_FRAME_BYTES, 3 * MAX_FRAME_BYTES])
@pytest.mark.parametrize("step", [65_536, 1_000_003, 1 << 30])
@pytest.mark.parametrize("blank", [b"\n\n", b"\r\n\r\n", b"\r\r"])
def test_oversized_frames_are_fragments(size: int, step: int, blank: bytes) -> None:
    """Over the limit a frame passes in marked pieces, whatever the chunks; at the limit it is whole."""
    whole = b"x" * size + blank + b"data: b\n\n"
    frames = frames_of([whole[at : at + step] for at in range(0, len(whole), step)])
    is_over = size + len(blank) > MAX_FRAME_BYTES
    assert b"".join(frames) == whole
    assert {type(frame) for frame in frames[:-1]} == {Fragment if is_over else bytes}
    assert frames[-1] == b"data: b\n\n"
    assert type(frames[-1]) is bytes


def test_an_endless_line_is_not_gathered() -> None:
    """A line without an end leaves at the pace it comes."""
    splitter = Splitter()
    held, peak = 0, 0
    for _ in range(80):
        held += 65_536 - sum(map(len, splitter.feed(b"x" * 65_536)))
        peak = max(peak, held)
    assert peak <= MAX_FRAME_BYTES
    assert held <= 2
    assert type(splitter.flush()) is Fragment


def test_empty_events_are_cheap_frames() -> None:
    """A flood of blank lines is split and adds up."""
    assert b"".join(frames_of([b"\n" * 9_999])) == b"\n" * 9_999


@pytest.mark.parametrize(
    ("frame", "data"),
    [
        (b"data: a\n\n", b"a"),
        (b"data:a\r\n\r\n", b"a"),
        (b"data: a", b"a"),
        (b"data: a\ndata: b\n\n", b"a\nb"),
        (b"event: x\ndata: a\nid: 1\n\n", b"a"),
        (b"event: x\ndata: a\n\n", b"a"),
        (b"event: x\r\ndata: a\r\n\r\n", b"a"),
        (b"event: x\rdata: a\r\r", b"a"),
        (b"event: x\rdata: a\ndata: b\n\n", b"a\nb"),
        (b"event: x\r\rdata: a\ndata: b\n\n", b"a\nb"),
        (b"event: x\ndata: a\ndata: b\n\n", b"a\nb"),
        (b"event: x", b""),
        (b"\ndata: a\n\n", b"a"),
        (b"\xef\xbb\xbfdata: a\n\n", b"a"),
        (b"data: a\n:\n\n", b"a"),
        (b"data:\ndata: a\n\n", b"a"),
        (b": comment\n\n", b""),
        (b"data\n\n", b""),
        (b"data:\n\n", b""),
        (b"database: a\n\n", b""),
        (b"\n\n", b""),
        (b"", b""),
    ],
)
def test_data_of_a_frame(frame: bytes, data: bytes) -> None:
    """The data lines of a frame are one value; comments, names and blank frames have none."""
    assert data_of(frame) == data


@given(st.lists(st.sampled_from([b"event: x", b"data: a", b"data:", b": c", b"id: 1", b""]), max_size=6), st.data())
def test_a_name_before_the_data_changes_nothing(lines: list[bytes], data: st.DataObject) -> None:
    """Whatever the line ends, the data are those of the lines that begin with `data`."""
    ends = data.draw(st.lists(st.sampled_from([b"\n", b"\r\n", b"\r"]), min_size=len(lines), max_size=len(lines)))
    frame = b"".join(line + end for line, end in zip(lines, ends, strict=True))
    told = [line[5:].removeprefix(b" ") for line in re.split(rb"\r\n|\n|\r", frame) if line.startswith(b"data:")]
    assert data_of(frame) == b"\n".join(told).strip()


def test_a_limit_of_its_own() -> None:
    """A stream whose frames are larger may gather more."""
    splitter = Splitter(4 * MAX_FRAME_BYTES)
    whole = b"data: " + b"x" * (2 * MAX_FRAME_BYTES) + b"\n\n"
    frames = [frame for at in range(0, len(whole), 65_536) for frame in splitter.feed(whole[at : at + 65_536])]
    assert frames == [whole]
    assert type(frames[0]) is bytes
