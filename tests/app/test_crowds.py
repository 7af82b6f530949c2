"""More than the gateway takes: a clear refusal, and whoever is served already notices nothing."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from aiohttp import ClientSession, web
from structlog.testing import capture_logs

from gateway.api.entry import Entry
from gateway.app import App
from gateway.app.listener import MOST_REFUSED
from gateway.app.table import TABLE
from gateway.app.turned import TurnedAway
from gateway.pipeline.gateway import Gateway
from gateway.supervisor import listening
from gateway.supervisor.listening import bound, serving
from tests.app.test_slow import turned_away
from tests.edge import Edge, edge_running
from tests.gateways import BOB_KEY, Limits
from tests.wire import LAST, connect, replies, request, talk

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOST = 3


@pytest_asyncio.fixture(loop_scope="module")
async def narrow(valkey_url: str, far_address: tuple[int, int], tmp_path: Path) -> AsyncIterator[Edge]:
    """Give a gateway that takes three requests and eight connections at a time."""
    limits = Limits(server=f", max_in_flight: {MOST}, max_connections: 8", timeouts="{first_byte: 60}")
    async with edge_running(valkey_url, far_address, tmp_path, limits) as running:
        yield running


class Waiting:
    """An endpoint that answers when told to."""

    def __init__(self) -> None:
        self.count = 0
        self.go = asyncio.Event()

    async def answer(
        self, _gateway: Gateway, _request: web.BaseRequest, _id: str, _params: Mapping[str, str]
    ) -> web.Response:
        """Wait."""
        self.count += 1
        await self.go.wait()
        return web.Response(text="done")


async def until(condition: object) -> None:
    """Wait for something that no event tells."""
    assert callable(condition)
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_one_request_too_many_is_a_503(narrow: Edge) -> None:
    """It says when to come back; health is told all the same; with room again, requests are answered again."""
    waiting = Waiting()
    app = App(narrow.client.app.gateway, {**TABLE, "/wait": Entry({"GET": waiting.answer})})
    async with listening(app, "127.0.0.1", 0, 5) as url, ClientSession() as session:
        asked = [asyncio.ensure_future(session.get(f"{url}/wait")) for _ in range(MOST)]
        await until(lambda: waiting.count == MOST)
        for path in ("/wait", "/v1/models"):
            async with session.get(url + path) as refused:
                error = (await refused.json())["error"]
                assert (refused.status, error["code"], error["type"]) == (503, "overloaded", "api_error")
                assert refused.headers["Retry-After"] == "1"
        async with session.get(f"{url}/healthz") as health:
            assert health.status == 200
        waiting.go.set()
        for one in asked:
            assert await (await one).text() == "done"
        async with session.get(f"{url}/wait") as answer:
            assert answer.status == 200
    await until(lambda: turned_away(narrow, "in_flight") == 2)


async def test_calls_whose_clients_have_left_count_too(narrow: Edge) -> None:
    """Nobody gets more calls at a time by hanging up: what goes on without its client takes its place until it ends."""
    body = b'{"model":"m:silent","messages":[{"role":"user","content":"Hello"}]}'
    for _ in range(MOST):
        _, writer = await connect(narrow.client.url)
        writer.write(request("POST", "/v1/chat/completions", body=body))
        holds = narrow.client.app.gateway.holds
        before = holds.count
        await until(lambda holds=holds, before=before: holds.count == before + 1)
        writer.transport.abort()
    async with narrow.client.chat() as refused:
        assert (refused.status, (await refused.json())["error"]["code"]) == (503, "overloaded")
    assert await narrow.client.app.gateway.tasks.drain(0) == MOST
    async with narrow.client.chat() as answer:
        assert answer.status == 200


async def test_a_body_on_its_way_takes_no_place(narrow: Edge) -> None:
    """Clients whose bodies drip keep nobody's call from being made, however many they are."""
    drips = []
    for _ in range(MOST + 2):
        _, writer = await connect(narrow.client.url)
        writer.write(request("POST", "/v1/chat/completions", "Expect: 100-continue", body=b"{}")[:-1])
        drips.append(writer)
    for _ in range(MOST * 2):
        async with narrow.client.chat() as answer:
            assert answer.status == 200
    for writer in drips:
        writer.close()


async def test_one_connection_too_many_is_a_503(narrow: Edge) -> None:
    """It is told so without being asked, and ended; with one gone, the next is served."""
    app = App(narrow.client.app.gateway)
    async with listening(app, "127.0.0.1", 0, 5) as url:
        open_ones = [await connect(url) for _ in range(8)]
        for _, writer in open_ones:
            writer.write(request("GET", "/healthz"))
        for reader, _ in open_ones:
            assert b" 200 " in await reader.readuntil(b"}")
        reader, writer = await connect(url)
        (reply,) = replies(await reader.read())
        assert (reply.status, reply.error["code"], reply.headers["Retry-After"]) == (503, "overloaded", "1")
        assert reply.headers["Connection"] == "close"
        writer.close()
        open_ones[0][1].close()
        while (await talk(url, request("GET", "/healthz", "Connection: close")))[0].status != 200:
            pass  # that it has gone is noticed a moment later
        for _, one in open_ones:
            one.close()
    await until(lambda: turned_away(narrow, "connections") >= 1)


async def test_a_crowd_of_refused_ones_is_bounded_too(narrow: Edge) -> None:
    """Beyond so many that are being told, connections are only closed: none is served, and all of them end."""
    app = App(narrow.client.app.gateway)
    async with listening(app, "127.0.0.1", 0, 5) as url:
        open_ones = [await connect(url) for _ in range(8)]
        crowd = await asyncio.gather(*(connect(url) for _ in range(MOST_REFUSED + 60)))
        ends = []
        for reader, _ in crowd:
            with suppress(ConnectionResetError):
                ends.append(await reader.read())
        assert {end[:12] for end in ends} <= {b"HTTP/1.1 503", b""}
        assert b"HTTP/1.1 503" in {end[:12] for end in ends}
        for _, writer in [*open_ones, *crowd]:
            writer.close()


async def test_one_connection_too_many_from_an_address_is_a_503(narrow: Edge) -> None:
    """Whoever comes from elsewhere is served; with one of them gone, the next of that address is served."""
    gateway = narrow.client.app.gateway
    config = replace(gateway.config, server=replace(gateway.config.server, max_connections_per_address=2))
    app = App(replace(gateway, config=config))
    server = app.server()
    with bound("127.0.0.1", 0, setting="server") as sockets:
        async with serving(server, sockets, 5) as url:
            crowd = [await connect_from("127.0.0.2", url) for _ in range(2)]
            for reader, writer in crowd:
                writer.write(request("GET", "/healthz"))
                assert b" 200 " in await reader.readuntil(b"}")
            reader, writer = await connect_from("127.0.0.2", url)
            (reply,) = replies(await reader.read())
            assert (reply.status, reply.error["code"], reply.headers["Retry-After"]) == (503, "overloaded", "1")
            writer.close()
            for other in ("127.0.0.3", "127.0.0.1"):
                assert await healthy_from(other, url)
            crowd[0][1].close()
            await until(lambda: server.crowds.count("127.0.0.2") == 1)
            assert await healthy_from("127.0.0.2", url)
            crowd[1][1].close()
            await until(lambda: len(server.crowds) == 0)


async def test_a_trusted_proxy_has_as_many_connections_as_it_likes(narrow: Edge) -> None:
    """All its clients share its address."""
    gateway = narrow.client.app.gateway
    terms = replace(gateway.config.server, max_connections_per_address=1, trusted_proxies=("127.0.0.2",))
    app = App(replace(gateway, config=replace(gateway.config, server=terms)))
    async with listening(app, "127.0.0.1", 0, 5) as url:
        crowd = [await connect_from("127.0.0.2", url) for _ in range(4)]
        for reader, writer in crowd:
            writer.write(request("GET", "/healthz", LAST))
            assert b" 200 " in await reader.read()
            writer.close()


async def connect_from(address: str, url: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Open a socket from one of this machine's many addresses."""
    port = urlsplit(url).port
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))


async def healthy_from(address: str, url: str) -> bool:
    """Say whether a connection from there is served."""
    reader, writer = await connect_from(address, url)
    writer.write(request("GET", "/healthz", LAST))
    try:
        return b" 200 " in await reader.read()
    finally:
        writer.close()


async def test_one_call_too_many_of_a_key_is_a_503(narrow: Edge) -> None:
    """Other keys' calls are answered; hanging up makes no room; with room again, so are its own."""
    app = narrow.client.app
    gateway = app.gateway
    app.gateway = replace(
        gateway, config=replace(gateway.config, server=replace(gateway.config.server, max_in_flight_per_key=2))
    )
    body = b'{"model":"m:silent","messages":[{"role":"user","content":"Hello"}]}'
    stream = b'{"model":"m:silent","stream":true,"messages":[{"role":"user","content":"Hello"}]}'
    writers = []
    for data in (body, stream):
        _, writer = await connect(narrow.client.url)
        writer.write(request("POST", "/v1/chat/completions", body=data))
        before = gateway.holds.count
        await until(lambda before=before: gateway.holds.count == before + 1)
        writers.append(writer)
    writers[0].transport.abort()
    refused_before = turned_away(narrow, "in_flight")
    for data in (body, stream):
        (reply,) = await narrow.talk(request("POST", "/v1/chat/completions", LAST, body=data))
        assert (reply.status, reply.error["code"], reply.headers["Retry-After"]) == (503, "overloaded", "1")
        assert "key" in reply.error["message"]
    async with narrow.client.chat(headers={"Authorization": f"Bearer {BOB_KEY}"}) as answer:
        assert answer.status == 200
    async with narrow.client.get("/v1/models") as models:
        assert models.status == 200
    writers[1].transport.abort()
    await until(lambda: gateway.holds.count == 1)
    async with narrow.client.chat() as answer:
        assert answer.status == 200
    assert await gateway.tasks.drain(0) == 1
    await until(lambda: len(gateway.places) == 0)
    app.turned_away.tell()
    assert turned_away(narrow, "in_flight") == refused_before + 2
    app.gateway = gateway


async def test_a_flood_is_one_line_of_the_log() -> None:
    """However many are turned away, what is told is their number, once."""
    counted: dict[str, int] = {}
    turned = TurnedAway(counted.__setitem__)
    with capture_logs() as lines:
        for _ in range(1_000):
            turned.add("connections")
        turned.add("host")
        turned.tell()
        turned.tell()
    assert lines == [{"event": "turned_away", "log_level": "warning", "connections": 1_000, "host": 1}]
    assert counted == {"connections": 1_000, "host": 1}
