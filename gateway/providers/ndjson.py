"""JSON lines: bytes in, whole lines out, exactly as they came (https://github.com/ndjson/ndjson-spec).

The rules that matter: the lines joined are the bytes fed, for any split of them, and do not depend on the split; and a
line over the limit is not gathered: it passes in pieces, each a `Fragment`.
"""

from gateway.providers.sse import Fragment

MAX_LINE_BYTES = 1 << 22
"""What one stream may hold in memory: Ollama's last line repeats the whole conversation as token ids (`context`)."""

_LINE_FEED = b"\n"


class LineSplitter:
    """Cuts a byte stream into lines, each with its line feed."""

    __slots__ = ("_is_oversized", "_most_bytes", "_rest")

    def __init__(self, most_bytes: int = MAX_LINE_BYTES) -> None:
        self._most_bytes = most_bytes
        self._rest = bytearray()
        self._is_oversized = False

    @property
    def is_between_frames(self) -> bool:
        """Whether nothing is held back."""
        return not self._rest and not self._is_oversized

    def feed(self, chunk: bytes) -> list[bytes]:
        """Give the lines that this chunk completes; one whole line is the chunk itself."""
        if self.is_between_frames and chunk.find(_LINE_FEED) == len(chunk) - 1 and len(chunk) <= self._most_bytes:
            return [chunk] if chunk else []
        *ends, rest = chunk.split(_LINE_FEED)
        lines = [self._whole(end) for end in ends]
        self._rest += rest
        if self._is_oversized or len(self._rest) > self._most_bytes:
            self._is_oversized = True
            if self._rest:
                lines.append(self.flush())
        return lines

    def flush(self) -> bytes:
        """Give what is left when the stream ends; a Fragment if it belongs to an oversized line."""
        rest = (Fragment if self._is_oversized else bytes)(self._rest)
        self._rest.clear()
        return rest

    def _whole(self, end: bytes) -> bytes:
        """Give the line that ends here."""
        self._rest += end + _LINE_FEED
        self._is_oversized |= len(self._rest) > self._most_bytes
        line = self.flush()
        self._is_oversized = False
        return line
