"""The one HTTP client of a process: kept connections, TLS always verified, nothing followed, nothing repeated.

The one rule that matters: a request is never sent twice. A kept connection that dies under a request is an error that
counts as sent; to keep that rare, idle ones are dropped before uvicorn and Node would (5 s).
"""

import asyncio
import ssl
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from aiohttp import StreamReader
from aiohttp.http import RawResponseMessage

from gateway.config.trust import tls_context
from gateway.errors import UpstreamBroken, UpstreamUnreachable
from gateway.model import Provider
from gateway.upstream.answer import Answer
from gateway.upstream.border import DIALLING, Border
from gateway.upstream.connection import Connection
from gateway.upstream.connector import Connector
from gateway.upstream.headers import request_headers
from gateway.upstream.target import Target, target


class Exchange:
    """A request and its answer, as an async context manager; leaving early closes the connection."""

    __slots__ = ("_body", "_connection", "_headers", "_path", "_provider", "_target", "_tls", "_upstream")

    def __init__(
        self, upstream: "Upstream", provider: Provider, path: str, body: bytes, headers: Mapping[str, str]
    ) -> None:
        self._upstream = upstream
        self._provider = provider
        self._path = path
        self._body = body
        self._headers = headers
        self._connection: Connection | None = None
        self._target: Target | None = None
        self._tls: ssl.SSLContext | None = None

    async def __aenter__(self) -> Answer:
        """Send, and give the answer once its headers came."""
        provider, timeouts = self._provider, self._provider.timeouts
        deadline = asyncio.get_running_loop().time() + timeouts.connect + timeouts.first_byte
        with Border(provider.name, DIALLING):
            to = self._target = target(provider.base_url, self._path)
            head = to.head(request_headers(provider, self._headers), len(self._body))
            self._tls = self._upstream.tls_for(provider) if to.is_tls else None
            connection = self._connection = await self._upstream.connector.connect(to, self._tls, timeouts.connect)
        border, answer = Border(provider.name), None
        try:
            with border:
                message = await connection.ask(head, self._body, timeouts, deadline)
            answer = _answer(border, message, connection.payload)
            return answer
        finally:
            if answer is None:
                connection.abandon()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.leave()

    def leave(self) -> None:
        """Give the connection back, or close it where the answer has not come to its end."""
        connection, to = self._connection, self._target
        if connection is not None and to is not None:
            self._upstream.connector.take_back(connection, to, self._tls)


class Upstream:
    """Sends calls to providers. Make it inside the running loop and use it as an async context manager."""

    def __init__(self) -> None:
        self.connector = Connector()
        self._tls: dict[tuple[str | None, str | None], ssl.SSLContext] = {(None, None): tls_context(None)}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.connector.close()

    def send(self, provider: Provider, path: str, body: bytes, headers: Mapping[str, str]) -> Exchange:
        """POST `body` to the provider's base URL + `path` (joined as text); entering gives the Answer.

        Leaving early closes the connection, which tells the provider to stop. A redirect is never followed: it is
        UpstreamBroken with `sent=False`, because the provider answered and produced nothing to charge for.
        Entering raises UpstreamUnreachable (nothing left), UpstreamBroken, UpstreamSilent.
        """
        return Exchange(self, provider, path, body, headers)

    def tls_for(self, provider: Provider) -> ssl.SSLContext:
        """Give the context that trusts and shows what the provider's files say, read once. UpstreamUnreachable."""
        files = provider.ca_file, provider.cert_file
        context = self._tls.get(files)
        if context is None:
            try:
                context = self._tls[files] = tls_context(*files)
            except OSError as exc:
                message = f"Provider {provider.name!r} has a CA file or a certificate that cannot be read."
                raise UpstreamUnreachable(message, sent=False) from exc
        return context


def _answer(border: Border, message: RawResponseMessage, payload: StreamReader | None) -> Answer:
    if 300 <= message.code < 400:  # noqa: PLR2004 - the 3xx class
        raise UpstreamBroken(f"Provider {border.provider!r} answered with a redirect.", sent=False)
    assert payload is not None
    return Answer(border, message.code, message.headers, payload)
