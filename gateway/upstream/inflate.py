"""The bounded undoing of a compression that nobody asked for: bytes in, bytes out. No I/O.

The one rule that matters: output is made in small pieces and never beyond the limit, whatever the ratio.
"""

import zlib

PIECE_BYTES = 65_536
# More than any answer of text; an honest server was told not to compress at all.
INFLATED_LIMIT_BYTES = 67_108_864
CODINGS = frozenset(("gzip", "x-gzip", "deflate"))


class BadCoding(Exception):
    """The compressed bytes are damaged, end early, go on after their end, or inflate beyond the limit."""


class Inflate:
    """One compressed body (gzip: RFC 1952; deflate: RFC 1950, or bare RFC 1951 as some servers send it)."""

    __slots__ = ("_coding", "_engine", "_has_more", "_limit_bytes", "_made_bytes", "_pending")

    def __init__(self, coding: str, limit_bytes: int = INFLATED_LIMIT_BYTES) -> None:
        self._coding = coding
        self._limit_bytes = limit_bytes
        self._made_bytes = 0
        self._pending = b""
        self._has_more = False
        self._engine: zlib._Decompress | None = None

    def feed(self, data: bytes) -> None:
        """Take in compressed bytes."""
        self._pending += data

    def take(self) -> bytes:
        """Give the next at most 64 KiB; empty when more input is needed. BadCoding."""
        if not self._pending and not self._has_more:
            return b""
        if self._engine is None:
            self._engine = zlib.decompressobj(_window_bits(self._coding, self._pending[0]))
        try:
            piece = self._engine.decompress(self._pending, PIECE_BYTES)
        except zlib.error as exc:
            raise BadCoding(str(exc)) from exc
        self._pending = self._engine.unconsumed_tail
        # A full piece may leave a rest inside the engine although it has swallowed all input.
        self._has_more = len(piece) == PIECE_BYTES
        self._made_bytes += len(piece)
        if self._made_bytes > self._limit_bytes:
            raise BadCoding(f"inflates beyond {self._limit_bytes} bytes")
        if self._engine.unused_data:
            raise BadCoding("bytes after the end")
        return piece

    def end(self) -> None:
        """Say that the input is over. BadCoding if the body is not."""
        if self._engine is None or not self._engine.eof:
            raise BadCoding("ends early")


def _window_bits(coding: str, first_byte: int) -> int:
    if coding != "deflate":
        return 16 + zlib.MAX_WBITS
    has_zlib_header = first_byte & 0x0F == zlib.DEFLATED
    return zlib.MAX_WBITS if has_zlib_header else -zlib.MAX_WBITS
