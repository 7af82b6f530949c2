"""An answer that is there as a whole, written in one go: aiohttp takes its parts through a dozen calls.

The rule that matters: a call is in flight until its answer has left. It is sent before its handler ends, so it keeps
its place meanwhile, and whoever takes it byte by byte keeps it for so long and no longer.
"""

import asyncio
import re

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time

from gateway import NAME

_ONE_WRITE_BYTES = 1 << 16
"""A longer body is not copied behind its head."""
_BODILESS = frozenset({204, 205, 304})
_FIRST_FINAL = 200
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


async def send_whole(
    request: web.BaseRequest, status: int, headers: dict[str, str], body: bytes, *, most_seconds: float
) -> "web.StreamResponse":
    """Send an answer to its end; gives it. Raises ConnectionResetError: its client has left, or took too long."""
    answer = _answer(request, status, headers, body)
    answer.headers["Server"] = NAME
    await answer.prepare(request)
    if isinstance(answer, Direct):
        if not answer.send(request):
            return answer
        left = request.writer.drain()
    else:
        left = answer.write_eof()
    try:
        async with asyncio.timeout(most_seconds):
            await left
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the client took too long") from None
    return answer


def _answer(request: web.BaseRequest, status: int, headers: dict[str, str], body: bytes) -> "web.StreamResponse":
    """Give an answer to be sent; aiohttp's own where it has to be told otherwise (RFC 9110 section 6.4.1, HTTP/1.0)."""
    if request.version != HttpVersion11 or status in _BODILESS or status < _FIRST_FINAL:
        return web.Response(status=status, body=body, headers=headers)
    return Direct(status, headers, body)


class Direct(web.StreamResponse):
    """An answer in HTTP/1.1, with the body that it is made with and no other."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        super().__init__(status=status, headers=headers)
        self._whole = body

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Note whether the connection goes on."""
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        return None

    def send(self, request: web.BaseRequest) -> bool:
        """Write all of it; says whether some of it waits here, because the client is slow.

        Raises ConnectionResetError where the client has left, ValueError for a header that is none.
        """
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has left")
        head, body = self._head(), self._whole
        self._eof_sent = True
        self._whole = b""
        request.writer.output_size += len(head) + len(body)  # an error can no longer be answered
        if len(body) <= _ONE_WRITE_BYTES:
            transport.write(head + body)
        else:
            transport.writelines((head, body))
        return request.protocol.writing_paused

    async def write_eof(self, data: bytes = b"") -> None:
        """Have nothing more to write: it was sent before."""
        assert not data
        assert self._eof_sent

    def _head(self) -> bytes:
        headers = self._headers
        headers["Content-Length"] = str(len(self._whole))
        headers.setdefault("Content-Type", "application/octet-stream")
        headers["Date"] = rfc822_formatted_time()
        if not self._keep_alive:
            headers["Connection"] = "close"
        lines = [f"{name}: {value}" for name, value in headers.items()]
        if _CONTROL.search("".join(lines)):
            raise ValueError("a header with a control character")
        return "\r\n".join([f"HTTP/1.1 {self._status} {self._reason}", *lines, "", ""]).encode("utf-8", "ignore")
