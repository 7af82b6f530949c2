"""An answer that is there as a whole, written in one go: aiohttp takes its parts through a dozen calls."""

import re

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time

_ONE_WRITE_BYTES = 1 << 16
"""A longer body is not copied behind its head."""
_BODILESS = frozenset({204, 205, 304})
_FIRST_FINAL = 200
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


def whole_answer(request: web.BaseRequest, status: int, headers: dict[str, str], body: bytes) -> "web.StreamResponse":
    """Give an answer to be sent; aiohttp's own where it has to be told otherwise (RFC 9110 section 6.4.1, HTTP/1.0)."""
    if request.version != HttpVersion11 or status in _BODILESS or status < _FIRST_FINAL:
        return web.Response(status=status, body=body, headers=headers)
    return Direct(status, headers, body)


class Direct(web.StreamResponse):
    """An answer in HTTP/1.1, with the body that it is made with and no other."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        super().__init__(status=status, headers=headers)
        self._whole = body
        self._request: web.BaseRequest | None = None

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Note to whom it goes."""
        if self._keep_alive is None:
            self._keep_alive = request.keep_alive
        self._request = request
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Write it. Raises ConnectionResetError where the client has left, ValueError for a header that is none."""
        assert not data
        request, self._request = self._request, None
        if request is None or self._eof_sent:
            return
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has left")
        head, body = self._head(), self._whole
        self._eof_sent = True
        if len(body) <= _ONE_WRITE_BYTES:
            transport.write(head + body)
        else:
            transport.writelines((head, body))
        await request.writer.drain()

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
