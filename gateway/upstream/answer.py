"""A provider's answer: status, headers, and a body that is read in pieces.

The one rule that matters: bytes that arrived are given out before the failure that followed them. aiohttp drops what
it has buffered when a connection breaks; a caller would then see, and pay for, less than the provider sent.
"""

from collections.abc import AsyncIterator

from aiohttp import StreamReader
from multidict import CIMultiDictProxy

from gateway.errors import UpstreamBroken, UpstreamError
from gateway.upstream.border import Border
from gateway.upstream.headers import end_to_end
from gateway.upstream.inflate import CODINGS, BadCoding, Inflate

WHOLE_BUFFER_BYTES = 65_536
"""Reading from the socket stops at twice this where a body is read to its end at once: it waits for no client."""


class Answer:
    """Valid inside `Upstream.send`; one reader at a time. `headers` holds the end-to-end fields only.

    Where the provider compressed in spite of `identity`, the body comes out inflated, so `Content-Encoding` and
    `Content-Length` of `headers` describe what was sent, not what is read here.
    """

    __slots__ = ("_border", "_content", "_failure", "_inflate", "headers", "status")

    def __init__(self, border: Border, status: int, headers: "CIMultiDictProxy[str]", content: StreamReader) -> None:
        self.status = status
        self.headers = end_to_end(headers)
        self._border = border
        self._content = content
        self._failure: UpstreamError | None = None
        self._inflate = _inflate_for(border.provider, status, headers)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives. UpstreamBroken, UpstreamSilent - after everything that came before."""
        if self._inflate is not None:
            while piece := await self._next():
                yield piece
            return
        if self._failure is not None:
            raise self._failure
        take = self._content.readany
        try:
            with self._border:  # once, and not for each piece, as `_receive` does
                while piece := await take():
                    yield piece
        except UpstreamError as error:
            self._failure = error
            if rest := self._arrived():
                yield rest
            raise

    async def read(self, limit_bytes: int) -> bytes:
        """Read the whole (rest of the) body. Also UpstreamBroken when it is longer than `limit_bytes`."""
        self._content.set_read_chunk_size(WHOLE_BUFFER_BYTES)
        pieces, size_bytes = [], 0
        take = self._receive if self._inflate is None else self._next
        while piece := await take():
            size_bytes += len(piece)
            if size_bytes > limit_bytes:
                raise UpstreamBroken(f"Provider {self._border.provider!r} sent over {limit_bytes} bytes.", sent=True)
            pieces.append(piece)
            if self._has_ended():
                break
        return b"".join(pieces)

    def buffered(self) -> bytes:
        """Give what has arrived and was not read, without waiting; for a caller that leaves. Never raises."""
        self._content.set_read_chunk_size(WHOLE_BUFFER_BYTES)
        data = self._arrived()
        if self._inflate is None:
            return data
        pieces = []
        try:
            self._inflate.feed(data)
            while piece := self._inflate.take():
                pieces.append(piece)
        except BadCoding:
            pass  # what came out before the damage counts
        return b"".join(pieces)

    async def _next(self) -> bytes:
        assert self._inflate is not None
        with self._border:
            while not (piece := self._inflate.take()):
                data = await self._receive()
                if not data:
                    self._inflate.end()
                    break
                self._inflate.feed(data)
        return piece

    async def _receive(self) -> bytes:
        if self._failure is not None:
            raise self._failure
        try:
            with self._border:
                return await self._content.readany()
        except UpstreamError as error:
            self._failure = error
            if rest := self._arrived():
                return rest
            raise

    def _has_ended(self) -> bool:
        """Say whether the body came to its end, not to a failure, and all of it was given out as it came."""
        content = self._content
        is_whole = content.at_eof() and content.exception() is None and self._failure is None
        return is_whole and self._inflate is None

    def _arrived(self) -> bytes:
        if self._content.exception() is not None:
            # The buffer is intact behind the exception, which is kept in `_failure` or raised already.
            self._content.set_exception(None)  # type: ignore[arg-type]
        return self._content.read_nowait()


def _inflate_for(provider: str, status: int, headers: "CIMultiDictProxy[str]") -> Inflate | None:
    coding = headers.get("Content-Encoding", "").strip().lower()
    if coding in {"", "identity"}:
        return None
    if coding in CODINGS:
        return Inflate(coding)
    is_output = status < 400  # noqa: PLR2004 - the classes of refusals
    raise UpstreamBroken(f"Provider {provider!r} sent an encoding that was not asked for.", sent=is_output)
