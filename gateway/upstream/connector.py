"""Connections: which addresses are never dialled, which are never used again, and that their end is always noticed.

The one rule that matters: an answer belongs to the request before it. A connection on which anything arrived that
nobody asked for is closed, not reused: aiohttp's pool would hand those bytes to the next caller as an answer.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EACCES
from functools import partial
from typing import TYPE_CHECKING, Any

from aiohttp import ClientConnectionError, ClientPayloadError, ClientResponse, StreamReader, TCPConnector

if TYPE_CHECKING:
    from aiohttp import ClientRequest, ClientTimeout
    from aiohttp.connector import Connection

# Instance metadata services outside the link-local ranges: AWS (IPv6), Alibaba, Azure's wire server, Oracle, Google.
METADATA = frozenset(
    map(
        ipaddress.ip_address,
        ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd20:ce::254"),
    )
)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
DIRTY_IN_A_ROW = 16


class Babbling(ClientConnectionError):
    """Each connection that was tried had bytes on it before a request was sent."""


def is_forbidden(address: str) -> bool:
    """Whether an IP address is link-local or a metadata service, also when IPv6 carries it (RFC 4291, RFC 6052)."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
        if inner is not None:
            ip = inner
    return ip.is_link_local or ip in METADATA


def open_socket(info: tuple[Any, ...]) -> socket.socket:
    """Make the socket for a resolved address, or refuse it: here, after the name server spoke, nothing can rebind."""
    family, kind, protocol, _, address = info
    if is_forbidden(address[0]):
        raise PermissionError(EACCES, "link-local and metadata addresses are never dialled")
    return socket.socket(family=family, type=kind, proto=protocol)


class Connector(TCPConnector):
    """aiohttp's pool without its queue, without forbidden addresses, and without connections that spoke unasked."""

    def __init__(self, *, idle_seconds: float) -> None:
        super().__init__(limit=0, keepalive_timeout=idle_seconds, socket_factory=open_socket)

    async def connect(
        self,
        req: "ClientRequest",
        traces: list[Any],
        timeout: "ClientTimeout",  # noqa: ASYNC109 - aiohttp's signature
    ) -> "Connection":
        """Give a connection on which nothing has arrived; Babbling if there is none."""
        for _ in range(DIRTY_IN_A_ROW):
            connection = await super().connect(req, traces, timeout)
            if connection.protocol is not None and not connection.protocol.should_close:
                return connection
            connection.close()
        raise Babbling


@contextmanager
def end_noticed(response: ClientResponse) -> Iterator[None]:
    """Fail the body when its connection closes before its end.

    aiohttp's C parser forgets the reader of a body whose chunks are framed wrongly: the connection is closed, the read
    timeout is dropped, and the reader would wait for ever.
    """
    protocol = response.connection.protocol if response.connection is not None else None
    closed = protocol.closed if protocol is not None else None
    if closed is None:  # the answer is whole, or its connection has gone already
        _fail_unfinished(response.content)
        yield
        return
    fail = partial(_fail_unfinished, response.content)
    closed.add_done_callback(fail)
    # Once a connection, and left there: the future may hold an exception, and asyncio logs those that nobody reads.
    closed.remove_done_callback(_read_exception)
    closed.add_done_callback(_read_exception)
    try:
        yield
    finally:
        closed.remove_done_callback(fail)


def _fail_unfinished(content: StreamReader, _closed: object = None) -> None:
    if not content.is_eof() and content.exception() is None:
        content.set_exception(ClientPayloadError("the connection was closed before the end of the body"))


def _read_exception(closed: "asyncio.Future[None]") -> None:
    if not closed.cancelled():
        closed.exception()
