"""What stands between a socket and its connection: bytes are read in small pieces, into one buffer of the process.

The one rule that matters: a reader that stalls costs one piece beyond what its answer may hold. An event loop's own
reads take whatever the system has, up to 256 KiB at a time, for each of a thousand streams.
"""

import asyncio

from gateway.upstream.connection import Connection

READ_BYTES = 8_192


def read_buffer() -> memoryview:
    """Make the buffer; it is empty again before another connection reads."""
    return memoryview(bytearray(READ_BYTES))


class Wire(asyncio.BufferedProtocol):
    """Hands all that happens on to `connection`."""

    __slots__ = ("_buffer", "connection")

    def __init__(self, connection: Connection, buffer: memoryview) -> None:
        self.connection = connection
        self._buffer = buffer

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.connection.connection_made(transport)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - what it would like
        """Give the place to read into."""
        return self._buffer

    def buffer_updated(self, size_bytes: int) -> None:
        """Take so many bytes in."""
        self.connection.data_received(bytes(self._buffer[:size_bytes]))

    def eof_received(self) -> bool | None:
        """Take the end in."""
        return self.connection.eof_received()

    def pause_writing(self) -> None:
        """Note that the request's body is behind."""
        self.connection.pause_writing()

    def resume_writing(self) -> None:
        """Note that it goes on."""
        self.connection.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self.connection.connection_lost(exc)
