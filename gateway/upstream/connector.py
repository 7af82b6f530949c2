"""Dialling and keeping: which addresses are never dialled, which kept connections are never used again.

The one rule that matters: an address is looked at after the name server spoke and before the first packet leaves.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections import deque
from errno import EACCES
from typing import Any

import aiohappyeyeballs

from gateway.upstream.connection import Connection
from gateway.upstream.target import Target
from gateway.upstream.wire import Wire, read_buffer

# Below what uvicorn and Node allow (5 s): who closes first never finds a request on a connection it gave up.
IDLE_SECONDS = 4.0
NAME_SECONDS = 10.0
HAPPY_EYEBALLS_SECONDS = 0.25
# Instance metadata services outside the link-local ranges: AWS (IPv6), Alibaba, Azure's wire server, Oracle, Google.
METADATA = frozenset(
    map(
        ipaddress.ip_address,
        ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd20:ce::254"),
    )
)
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


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


class Connector:
    """The connections of a process: dialled when none is free, kept for a while where the answer left them clean."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._kept: dict[tuple[Any, ...], deque[Connection]] = {}
        self._names: dict[tuple[str, int], tuple[float, asyncio.Task[list[Any]]]] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._read_buffer = read_buffer()

    async def connect(self, target: Target, tls: ssl.SSLContext | None, connect_seconds: float) -> Connection:
        """Give a connection on which nothing has arrived: the one used last, or a new one."""
        kept = self._kept.get((target.host, target.port, tls))
        while kept:
            connection = kept.pop()
            if connection.is_idle and self._loop.time() - connection.idle_since < IDLE_SECONDS:
                return connection
            connection.close()
        async with asyncio.timeout(connect_seconds):
            return await self._dial(target, tls)

    def take_back(self, connection: Connection, target: Target, tls: ssl.SSLContext | None) -> None:
        """Keep a connection whose answer came whole; close any other."""
        if not connection.is_reusable:
            connection.abandon()
            return
        connection.release()
        self._kept.setdefault((target.host, target.port, tls), deque()).append(connection)
        if self._sweep is None:
            self._sweep = self._loop.call_later(IDLE_SECONDS, self._close_old)

    def close(self) -> None:
        """Close what is kept."""
        if self._sweep is not None:
            self._sweep.cancel()
        for kept in self._kept.values():
            for connection in kept:
                connection.close()
        self._kept.clear()

    async def _dial(self, target: Target, tls: ssl.SSLContext | None) -> Connection:
        infos = await self._addresses(target.host, target.port)
        sock = await aiohappyeyeballs.start_connection(
            infos,
            happy_eyeballs_delay=HAPPY_EYEBALLS_SECONDS,
            interleave=1,
            loop=self._loop,
            socket_factory=open_socket,
        )
        name = target.host.rstrip(".") if tls else None
        _, wire = await self._loop.create_connection(
            lambda: Wire(Connection(self._loop), self._read_buffer), sock=sock, ssl=tls, server_hostname=name
        )
        return wire.connection

    async def _addresses(self, host: str, port: int) -> list[Any]:
        """Look a name up, once for all who ask within ten seconds; who leaves does not take the others along."""
        at, task = self._names.get((host, port), (0.0, None))
        failed = task is not None and task.done() and (task.cancelled() or task.exception() is not None)
        if task is None or failed or self._loop.time() - at > NAME_SECONDS:
            lookup = self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            task = asyncio.ensure_future(lookup)
            self._names[host, port] = (self._loop.time(), task)
        return list(await asyncio.shield(task))

    def _close_old(self) -> None:
        self._sweep = None
        now = self._loop.time()
        for key, kept in list(self._kept.items()):
            while kept and (not kept[0].is_idle or now - kept[0].idle_since >= IDLE_SECONDS):
                kept.popleft().close()
            if not kept:
                del self._kept[key]
        if self._kept:
            self._sweep = self._loop.call_later(IDLE_SECONDS / 4, self._close_old)
