"""An answer that is there as a whole, written in one go: aiohttp takes its parts through a dozen calls."""

from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.helpers import rfc822_formatted_time

_ONE_WRITE_BYTES = 1 << 16
"""A longer body is not copied behind its head."""
_BODILESS = frozenset({204, 205, 304})


def whole_answer(request: web.BaseRequest, status: int, headers: dict[str, str], body: bytes) -> "web.StreamResponse":
    """Give an answer to be sent; aiohttp's own where it has to be told otherwise (RFC 9110 section 6.4.1, HTTP/1.0)."""
    if request.version != HttpVersion11 or status in _BODILESS:
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
        """Write it. Raises ConnectionResetError where the client has left, ValueError for a header of two lines."""
        assert not data
        request, self._request = self._request, None
        if request is None or self._eof_sent:
            return
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the client has left")
        self._eof_sent = True
        head, body = self._head(), self._whole
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
        head = "\r\n".join([f"HTTP/1.1 {self._status} {self._reason}", *lines, "", ""])
        if head.count("\n") != len(lines) + 2 or head.count("\r") != len(lines) + 2:
            raise ValueError("a header of two lines")
        return head.encode()
