"""How a server takes leave of its connections: what is on its way is answered, and who stays is told to go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import ClientSession, web

from gateway.app.listener import Server
from gateway.app.turned import TurnedAway
from gateway.config import Server as Terms
from gateway.supervisor.listening import bound, serving


@asynccontextmanager
async def answering() -> AsyncIterator[tuple[Server, str, asyncio.Event]]:
    """Give a server that answers `/slow` when the event is set and everything else at once, and its URL."""
    go = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.path == "/slow":
            await go.wait()
        return web.Response(text="here")

    terms = Terms("127.0.0.1", 0, 65_536, 1)
    server = Server(answer, lambda: terms, TurnedAway(lambda *_: None))
    with bound("127.0.0.1", 0, setting="server") as sockets:
        async with serving(server, sockets, 1) as url:
            yield server, url, go


async def test_an_idle_connection_may_be_used_once_more() -> None:
    """While it lingers it is answered, and the answer says that it ends; nobody is cut off."""
    async with answering() as (server, url, _), ClientSession() as client:
        async with client.get(url) as first:
            assert "Connection" not in first.headers
        leaving = asyncio.ensure_future(server.leave(30))
        await asyncio.sleep(0)
        async with client.get(url) as second:
            assert await second.text() == "here"
            assert second.headers["Connection"] == "close"
        await leaving


async def test_a_request_in_flight_is_answered_and_told() -> None:
    """The answer of a request that began before says that the connection ends, and only then it does."""
    async with answering() as (server, url, go), ClientSession() as client:
        asked = asyncio.ensure_future(client.get(f"{url}/slow"))
        while not any(connection.is_busy for connection in server.connections):  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0)
        leaving = asyncio.ensure_future(server.leave(0))
        go.set()
        async with await asked as answer:
            assert await answer.text() == "here"
            assert answer.headers["Connection"] == "close"
        await leaving


async def test_without_time_to_linger_idle_connections_end_at_once() -> None:
    """A connection that nobody uses does not keep the server."""
    async with answering() as (server, url, _), ClientSession() as client:
        async with client.get(url) as answer:
            await answer.read()
        assert len(server.connections) == 1
        await server.leave(0)
        assert server.connections == []
