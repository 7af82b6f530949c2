"""A JSON array that arrives piecewise, as Google streams without `alt=sse`: bytes in, elements out, as they came.

A frame is an element with what stands before it: the array's bracket, or a comma; the closing bracket is a frame of its
own. The rules that matter are those of `gateway.providers.sse`: frames joined are the bytes fed, for any split of them;
and one over the limit passes in pieces, each a `Fragment`.
"""

import re

from gateway.providers.sse import MAX_FRAME_BYTES, Fragment

# A bracket, a whole text, or the quote of one that has not all come.
_TOKEN = re.compile(rb'[\[\]{}]|"[^"\\]*+(?:\\.[^"\\]*+)*+"|"', re.DOTALL)
_INSIDE = re.compile(rb'["\\]')
_QUOTE, _ESCAPE, _BRACKET = b'"\\['
_OPENING = frozenset(b"[{")
_PUNCTUATION = b"[, \t\r\n"


class ArraySplitter:
    """Cuts a streamed array into frames."""

    __slots__ = ("_depth", "_floor", "_is_oversized", "_is_text", "_most_bytes", "_rest", "_scanned")

    def __init__(self, most_bytes: int = MAX_FRAME_BYTES) -> None:
        self._most_bytes = most_bytes
        self._rest = bytearray()
        self._scanned = 0
        self._depth = 0
        self._floor = 0
        self._is_text = False
        self._is_oversized = False

    @property
    def is_between_frames(self) -> bool:
        """Whether nothing is held back."""
        return not self._rest and not self._is_oversized

    def feed(self, chunk: bytes) -> list[bytes]:
        """Give the frames that this chunk completes."""
        self._rest += chunk
        frames: list[bytes] = []
        start = 0
        while (end := self._frame_end()) is not None:
            frames.append(self._cut(start, end))
            start = end
            self._is_oversized = False
        del self._rest[:start]
        self._scanned -= start
        if len(self._rest) > self._most_bytes or (self._is_oversized and self._rest):
            self._is_oversized = True
            frames.append(Fragment(self._rest[: self._scanned]))
            del self._rest[: self._scanned]
            self._scanned = 0
        return frames

    def flush(self) -> bytes:
        """Give what is left when the stream ends; a Fragment if it belongs to an oversized frame."""
        rest = self._cut(0, len(self._rest))
        self._rest = bytearray()
        self._scanned = 0
        return rest

    def _frame_end(self) -> int | None:
        """Read on to where a frame ends: an element closes, or the array does."""
        if self._is_text and not self._leave_text():
            return None
        for found in _TOKEN.finditer(self._rest, self._scanned):
            start, end = found.span()
            byte = self._rest[start]
            if byte in _OPENING:
                if not self._depth:
                    # An object that stands alone, where a server streams no array, is one frame.
                    self._floor = 1 if byte == _BRACKET else 0
                self._depth += 1
            elif byte != _QUOTE:
                self._depth = max(0, self._depth - 1)
                if self._depth <= self._floor:
                    self._scanned = end
                    return end
            elif end - start == 1:
                self._is_text, self._scanned = True, end
                self._leave_text()
                return None
        self._scanned = len(self._rest)
        return None

    def _leave_text(self) -> bool:
        """Read on to the end of a text; of an escape that is cut the scan stands before its first byte."""
        while (found := _INSIDE.search(self._rest, self._scanned)) is not None:
            self._scanned = found.end()
            if self._rest[found.start()] == _QUOTE:
                self._is_text = False
                return True
            if self._scanned == len(self._rest):
                self._scanned -= 1
                return False
            self._scanned += 1
        self._scanned = len(self._rest)
        return False

    def _cut(self, start: int, end: int) -> bytes:
        is_fragment = self._is_oversized or end - start > self._most_bytes
        return (Fragment if is_fragment else bytes)(self._rest[start:end])


def element_of(frame: bytes) -> bytes:
    """Give an element without what stands before it; `]` for the end of the array, nothing for what holds neither."""
    return frame.lstrip(_PUNCTUATION)
