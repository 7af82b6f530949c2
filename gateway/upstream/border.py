"""The border: a foreign error becomes one of ours, by a table, with whether a request byte may have left.

The one rule that matters: the message names the provider and the kind of failure, never a URL, a header or a body, and
no exception that prints them stands in its chain.
"""

import socket
import ssl
from types import TracebackType
from typing import NamedTuple

import aiohttp

from gateway.errors import UpstreamBroken, UpstreamError, UpstreamSilent, UpstreamUnreachable
from gateway.upstream.connection import NotHttp, Overdue
from gateway.upstream.inflate import BadCoding


class Rule(NamedTuple):
    """What a foreign error becomes."""

    foreign: type[Exception]
    ours: type[UpstreamError]
    sent: bool
    words: str


# The first match wins, so a class stands before its bases. While dialling, nothing has left.
DIALLING = (
    Rule(TimeoutError, UpstreamUnreachable, False, "did not accept a connection in time"),
    Rule(ssl.SSLCertVerificationError, UpstreamUnreachable, False, "has a certificate that is not trusted"),
    Rule(ssl.SSLError, UpstreamUnreachable, False, "failed the TLS handshake"),
    Rule(socket.gaierror, UpstreamUnreachable, False, "has a host name that does not resolve"),
    Rule(OSError, UpstreamUnreachable, False, "refused the connection"),
    Rule(ValueError, UpstreamUnreachable, False, "cannot be asked: its URL or a header is not valid HTTP"),
)
RULES = (
    Rule(Overdue, UpstreamSilent, True, "took longer than a call may last"),
    Rule(aiohttp.ServerTimeoutError, UpstreamSilent, True, "stopped talking"),
    Rule(TimeoutError, UpstreamSilent, True, "did not answer in time"),
    Rule(BadCoding, UpstreamBroken, True, "sent a body whose compression is broken or a bomb"),
    Rule(aiohttp.ClientPayloadError, UpstreamBroken, True, "cut its answer short or framed it wrongly"),
    Rule(NotHttp, UpstreamBroken, True, "sent something that is not HTTP"),
    Rule(aiohttp.ServerDisconnectedError, UpstreamBroken, True, "closed the connection without an answer"),
    Rule(aiohttp.ClientError, UpstreamBroken, True, "broke the connection"),
    Rule(OSError, UpstreamBroken, True, "broke the connection"),
)


def translate(provider: str, error: Exception, rules: tuple[Rule, ...] = RULES) -> UpstreamError | None:
    """Give our error for a foreign one; None for one that the table does not know (a bug: let it through)."""
    for rule in rules:
        if isinstance(error, rule.foreign):
            return rule.ours(f"Provider {provider!r} {rule.words}.", sent=rule.sent)
    return None


class Border:
    """A context manager that translates what is raised inside; one serves a whole exchange."""

    __slots__ = ("_rules", "provider")

    def __init__(self, provider: str, rules: tuple[Rule, ...] = RULES) -> None:
        self.provider = provider
        self._rules = rules

    def __enter__(self) -> None:
        """Enter: nothing to do."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Raise our error from the foreign one."""
        if isinstance(error, Exception) and (ours := translate(self.provider, error, self._rules)) is not None:
            raise ours from error
