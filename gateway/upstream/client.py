"""The one HTTP client of a process: pooled connections, TLS always verified, nothing followed, nothing repeated.

The one rule that matters: a request is never sent twice. aiohttp repeats one on a stale connection only for idempotent
methods (its `IDEMPOTENT_METHODS`, after RFC 9112 section 9.3.1), so this room sends POST only, and a stale connection
is an error that counts as sent. To keep that rare, idle connections are dropped before uvicorn and Node would (5 s).
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from io import BytesIO
from types import TracebackType
from typing import Self

from aiohttp import ClientResponse, ClientSession, ClientTimeout, DummyCookieJar
from yarl import URL

from gateway.errors import UpstreamBroken, UpstreamUnreachable
from gateway.model import Provider, Timeouts
from gateway.upstream.answer import Answer
from gateway.upstream.border import Border
from gateway.upstream.connector import Connector, end_noticed
from gateway.upstream.headers import request_headers

IDLE_SECONDS = 4.0
# Per answer, aiohttp stops reading from the socket at twice this: a slow reader must not fill the memory.
READ_BUFFER_BYTES = 65_536
# A longer body goes out in pieces, with the loop in between (aiohttp warns of the one long write from 1 MiB on).
ONE_WRITE_BYTES = 262_144
AUTO_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class Upstream:
    """Sends calls to providers. Make it inside the running loop and use it as an async context manager."""

    def __init__(self) -> None:
        self._session = ClientSession(
            connector=Connector(idle_seconds=IDLE_SECONDS),
            cookie_jar=DummyCookieJar(),
            skip_auto_headers=AUTO_HEADERS,
            auto_decompress=False,
            trust_env=False,
            read_bufsize=READ_BUFFER_BYTES,
        )
        self._tls: dict[str | None, ssl.SSLContext] = {None: _tls_context(None)}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._session.close()

    @asynccontextmanager
    async def send(
        self, provider: Provider, path: str, body: bytes, headers: Mapping[str, str]
    ) -> AsyncIterator[Answer]:
        """POST `body` to the provider's base URL + `path` (joined as text) and give the answer once its headers came.

        Leaving early closes the connection, which tells the provider to stop. A redirect is never followed: it is
        UpstreamBroken with `sent=False`, because the provider answered and produced nothing to charge for.
        Raises UpstreamUnreachable (nothing left), UpstreamBroken, UpstreamSilent.
        """
        border = Border(provider.name)
        tls = self._tls_for(provider)
        with border:
            response = await self._post(provider, path, body, headers, tls)
        try:
            if 300 <= response.status < 400:  # noqa: PLR2004 - the 3xx class
                raise UpstreamBroken(f"Provider {provider.name!r} answered with a redirect.", sent=False)
            with end_noticed(response):
                yield Answer(border, response)
        finally:
            response.close()  # a whole answer has given its connection back already; any other one is cut here

    async def _post(
        self, provider: Provider, path: str, body: bytes, headers: Mapping[str, str], tls: ssl.SSLContext
    ) -> ClientResponse:
        limits = provider.timeouts
        # sock_read runs from the last request byte; the outer deadline also ends a stuck upload and dripping headers.
        async with asyncio.timeout(limits.connect + limits.first_byte):
            response = await self._session.post(
                URL(provider.base_url.rstrip("/") + path, encoded=True),
                data=body if len(body) <= ONE_WRITE_BYTES else BytesIO(body),
                headers=request_headers(provider, headers),
                allow_redirects=False,
                ssl=tls,
                timeout=ClientTimeout(total=None, connect=limits.connect, sock_read=limits.first_byte),
            )
        _expect_body(response, limits)
        return response

    def _tls_for(self, provider: Provider) -> ssl.SSLContext:
        context = self._tls.get(provider.ca_file)
        if context is None:
            try:
                context = self._tls[provider.ca_file] = _tls_context(provider.ca_file)
            except OSError as exc:
                message = f"Provider {provider.name!r} has a CA file that cannot be read."
                raise UpstreamUnreachable(message, sent=False) from exc
        return context


def _expect_body(response: ClientResponse, limits: Timeouts) -> None:
    """Let `between_bytes` begin with the body's first byte: some send their headers at once and think afterwards."""
    connection = response.connection
    if connection is None or connection.protocol is None:
        return  # the whole answer is here
    connection.protocol.read_timeout = limits.between_bytes
    # Beyond a full buffer, reading is paused and no timer may run: the silence would be ours.
    if 0 < response.content.total_bytes <= READ_BUFFER_BYTES:
        connection.protocol.start_timeout()


def _tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Verify host and chain, TLS 1.2 or later; with a CA file, that one is trusted and no other."""
    context = ssl.create_default_context(cafile=ca_file)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
