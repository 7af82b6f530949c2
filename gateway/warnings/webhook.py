"""The webhook: one signed POST, which any 2xx accepts.

The rule that matters: the receiver is somebody else's program. It gets a few seconds; nothing of its answer counts but
the status, no redirect is followed, no proxy or cookie is used, and no log line repeats its URL, which may hold a
token.
"""

import hmac
import socket
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from yarl import URL

from gateway import NAME
from gateway.config.value import Webhook

SIGNATURE = "X-Gateway-Signature"
EVENT_ID = "X-Gateway-Event-Id"

OpenSocket = Callable[[tuple[Any, ...]], socket.socket]
"""Makes the socket for a resolved address (aiohttp's `socket_factory`); OSError where it must not be dialled."""

# The first that fits wins: a class stands before its bases.
_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "it did not answer in time"),
    (aiohttp.ClientConnectorCertificateError, "its certificate is not trusted"),
    (aiohttp.ClientSSLError, "the TLS handshake failed"),
    (aiohttp.ClientConnectorDNSError, "its host name does not resolve"),
    (aiohttp.ClientConnectorError, "no connection could be made"),
    (aiohttp.ClientResponseError, "it answered something that is not HTTP"),
    (aiohttp.ClientError, "the connection broke"),
    (OSError, "the connection broke"),
)
_FOREIGN = tuple(kind for kind, _ in _REASONS)


def signature(secret: str, at_seconds: int, body: bytes) -> str:
    """Give `t=<unix seconds>,v1=<hex>`, the HMAC-SHA256 of `<t>.<body>` (https://docs.stripe.com/webhooks/signature)."""
    digest = hmac.new(secret.encode(), f"{at_seconds}.".encode() + body, "sha256").hexdigest()
    return f"t={at_seconds},v1={digest}"


class Receiver:
    """Posts to one webhook. Make it inside the running loop and use it as an async context manager."""

    def __init__(self, webhook: Webhook, open_socket: OpenSocket) -> None:
        self._url = URL(webhook.url.reveal(), encoded=True)
        self._secret = webhook.secret
        self._session = ClientSession(
            connector=TCPConnector(limit=0, force_close=True, socket_factory=open_socket),
            cookie_jar=DummyCookieJar(),
            timeout=ClientTimeout(total=webhook.timeout_seconds),
            headers={"User-Agent": NAME, "Content-Type": "application/json"},
            auto_decompress=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._session.close()

    async def post(self, event_id: str, body: bytes) -> str | None:
        """Post an event, once; gives None if it was accepted, else why not in words that may be logged."""
        signed = signature(self._secret.reveal(), int(time.time()), body)
        try:
            response = await self._session.post(
                self._url, data=body, headers={SIGNATURE: signed, EVENT_ID: event_id}, allow_redirects=False
            )
        except _FOREIGN as error:
            return next(words for kind, words in _REASONS if isinstance(error, kind))
        response.close()
        return None if 200 <= response.status < 300 else f"it answered {response.status}"  # noqa: PLR2004 - the 2xx class
