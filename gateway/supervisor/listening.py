"""Addresses: bound once by the supervisor; every worker listens on the same sockets (DEPENDENCIES: web.SockSite).

The rule that matters: a connection that the system has accepted waits in a queue that all workers share, so a worker
that leaves or dies takes none of them with it. That is what SO_REUSEPORT, with a queue for each, could not promise.
"""

import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager

from aiohttp import web

from gateway.app import App

BACKLOG = 1024


class AddressTaken(Exception):
    """The gateway cannot listen where it should."""


def bind(host: str, port: int, *, setting: str = "server") -> list[socket.socket]:
    """Listen at every address of a host, port 0 for any free one. Raises AddressTaken."""
    bound: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in dict.fromkeys(found):
            # Port 0 is chosen once: every address of the host has the same.
            chosen = bound[0].getsockname()[1] if bound else port
            bound.append(_listening_socket(family, (address[0], chosen, *address[2:])))
    except OSError as exc:
        for one in bound:
            one.close()
        where = f"{host}:{port}"
        raise AddressTaken(f"cannot listen on {where}: {exc.strerror}; see {setting}.port") from exc
    return bound


def _listening_socket(family: int, address: tuple[object, ...]) -> socket.socket:
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind(address)
        one.listen(BACKLOG)
        one.setblocking(False)
    except OSError:
        one.close()
        raise
    return one


@contextmanager
def bound(host: str, port: int, *, setting: str) -> Iterator[list[socket.socket]]:
    """Listen there for the length of the block. Raises AddressTaken."""
    sockets = bind(host, port, setting=setting)
    try:
        yield sockets
    finally:
        for one in sockets:
            one.close()


def url_of(sockets: Sequence[socket.socket]) -> str:
    """Give the base URL of what listens there."""
    host, port = sockets[0].getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


async def listen(runner: web.BaseRunner, sockets: Sequence[socket.socket]) -> None:
    """Have a server that is set up take the connections of these sockets."""
    for one in sockets:
        await web.SockSite(runner, one, backlog=BACKLOG).start()


@asynccontextmanager
async def listening(app: App, host: str, port: int, drain_seconds: float) -> AsyncIterator[str]:
    """Take calls in this process; gives the base URL. On leaving, calls in flight may end. Raises AddressTaken."""
    with bound(host, port, setting="server") as sockets:
        async with serving(app.server(), sockets, drain_seconds) as url:
            yield url


@asynccontextmanager
async def serving(server: web.Server, sockets: Sequence[socket.socket], drain_seconds: float) -> AsyncIterator[str]:
    """Serve on these sockets for the length of the block; gives the base URL."""
    runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=drain_seconds)
    await runner.setup()
    try:
        await listen(runner, sockets)
        yield url_of(sockets)
    finally:
        await runner.cleanup()
