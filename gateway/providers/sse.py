"""Server-sent events: bytes in, whole frames out, exactly as they came.

A frame ends with a blank line: two line ends in a row, each of them LF, CR LF or CR, mixed as they like
(https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream). The rules that matter:

1. The frames joined are the bytes fed, for any split of them; and the frames do not depend on the split.
2. A frame over the limit (`MAX_FRAME_BYTES`) is not gathered: it passes in pieces, each a `Fragment`.
3. A CR at the very end waits for the next byte, which may be its LF.
"""

import re

MAX_FRAME_BYTES = 1 << 20
"""What one stream may hold in memory; a chunk of text has some hundred bytes, only an inline image comes near."""

# A line end and another: the LF of a CR LF is enough to stand for it, and LF after CR is no second one.
_BLANK_LINE = re.compile(rb"[\r\n](?:\r\n?|(?<=\n)\n)")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_LONGEST_BLANK_LINE = 3
_CR = 0x0D
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Fragment(bytes):
    """A piece of a frame that is too large to be read."""

    __slots__ = ()


class Splitter:
    """Cuts a byte stream into frames."""

    __slots__ = ("_is_oversized", "_most_bytes", "_rest", "_scanned")

    def __init__(self, most_bytes: int = MAX_FRAME_BYTES) -> None:
        self._most_bytes = most_bytes
        self._rest = bytearray()
        self._scanned = 0
        self._is_oversized = False

    @property
    def is_between_frames(self) -> bool:
        """Whether nothing is held back."""
        return not self._rest and not self._is_oversized

    def feed(self, chunk: bytes) -> list[bytes]:
        """Give the frames that this chunk completes, each with its blank line; one whole frame is the chunk itself."""
        if not self._rest and not self._is_oversized and len(chunk) <= self._most_bytes and _is_one_frame(chunk):
            return [chunk]
        data: bytes | bytearray = chunk
        if self._rest:
            self._rest += chunk
            data = self._rest
        frames: list[bytes] = []
        start, scanned = 0, self._scanned
        while (end := _frame_end(data, scanned)) is not None:
            frames.append(self._cut(data, start, end))
            start = scanned = end
            self._is_oversized = False
        if start or data is chunk:
            self._rest = bytearray(data[start:])
        self._hold(frames)
        return frames

    def flush(self) -> bytes:
        """Give what is left when the stream ends; a Fragment if it belongs to an oversized frame."""
        rest = self._cut(self._rest, 0, len(self._rest))
        self._rest = bytearray()
        return rest

    def _hold(self, frames: list[bytes]) -> None:
        """Keep what is left; of an oversized frame only the bytes that may begin its blank line."""
        self._scanned = max(0, len(self._rest) - _LONGEST_BLANK_LINE + 1)
        if len(self._rest) > self._most_bytes or (self._is_oversized and self._scanned):
            frames.append(Fragment(self._rest[: self._scanned]))
            del self._rest[: self._scanned]
            self._scanned, self._is_oversized = 0, True

    def _cut(self, data: bytes | bytearray, start: int, end: int) -> bytes:
        is_fragment = self._is_oversized or end - start > self._most_bytes
        return (Fragment if is_fragment else bytes)(data[start:end])


def _is_one_frame(chunk: bytes) -> bool:
    """Recognise the commonest chunks, a frame of LF or one line and CR LF, at the price of some byte searches."""
    length = len(chunk)
    blank = chunk.find(b"\n\n")
    if blank >= 0:
        return blank == length - 2 and b"\r" not in chunk
    return chunk.endswith(b"\r\n\r\n") and chunk.find(b"\n") == length - 3 and chunk.find(b"\r") == length - 4


def _frame_end(data: bytes | bytearray, scanned: int) -> int | None:
    """Find where the first frame ends, looking from `scanned`; the last byte tells nothing if it is a CR."""
    if data.find(b"\r", scanned) < 0:
        at = data.find(b"\n\n", scanned)
        return None if at < 0 else at + 2
    found = _BLANK_LINE.search(data, scanned)
    if found is None or (found.end() == len(data) and data[-1] == _CR):
        return None
    return found.end()


def data_of(frame: bytes) -> bytes:
    """Give the frame's data: its `data` lines joined by LF; empty for a comment, a name, a blank frame."""
    start = _after_name(frame) if frame.startswith(b"event:") else 0
    if frame.startswith(b"data:", start):
        line = frame[start + 5 :].rstrip()
        if b"\n" not in line and b"\r" not in line:
            return line.lstrip()
    lines = _LINE_END.split(frame.removeprefix(_BYTE_ORDER_MARK))
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:")).strip()


def _after_name(frame: bytes) -> int:
    """Give where the line after the first one begins; 0 where that is not told by its LF."""
    line_feed = frame.find(b"\n")
    return line_feed + 1 if frame.find(b"\r", 0, line_feed) in {-1, line_feed - 1} else 0


def is_stream(content_type: str) -> bool:
    """Say whether an answer of this media type (in lower case) is a stream of events."""
    return content_type.startswith("text/event-stream")
