"""What request bodies take of a worker's memory: counted as it comes, bounded in all and for each key, given back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.pipeline.gateway import rebuild
from tests.app.test_crowds import until
from tests.app.test_slow import turned_away
from tests.edge import Edge, edge_running
from tests.gateways import ADA_KEY, ADMIN_KEY, BACKEND_KEY, BOB_KEY, Limits
from tests.wire import CHAT, CHAT_TARGET, LAST, Reply, connect, replies, request

pytestmark = pytest.mark.asyncio(loop_scope="module")

MOST = 600_000
HALF = MOST // 2
MOST_OF_ONE = 250_000
PART = 140_000
"""Two of them fit into a key's half, and four into all of it."""


@pytest_asyncio.fixture(loop_scope="module")
async def small(valkey_url: str, far_address: tuple[int, int], tmp_path: Path) -> AsyncIterator[Edge]:
    """Give a gateway with little memory for bodies."""
    limits = Limits(max_body_bytes=MOST_OF_ONE, server=f", max_body_memory: {MOST}", timeouts="{first_byte: 60}")
    async with edge_running(valkey_url, far_address, tmp_path, limits) as running:
        yield running


class Upload:
    """A call whose body is on its way."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, size_bytes: int) -> None:
        """Send so much more of the body."""
        self.writer.write(b" " * size_bytes)
        await self.writer.drain()

    async def reply(self) -> Reply:
        """Give the answer, with which the connection ends, whatever is still sent."""
        (reply,) = replies(await self.reader.read())
        self.writer.close()
        return reply


async def upload(edge: Edge, key: str = ADA_KEY, size_bytes: int = 0) -> Upload:
    """Begin a call, and wait until so much of its body is counted."""
    bodies = edge.client.app.gateway.bodies
    goal = bodies.held_bytes + size_bytes
    one = Upload(*await connect(edge.client.url))
    one.writer.write(request("POST", CHAT_TARGET, f"Content-Length: {MOST_OF_ONE}", key=key, body=None).replace(
        b"Host:", b"Content-Type: application/json\r\nHost:"
    ))  # fmt: skip
    await one.send(size_bytes)
    await until(lambda: bodies.held_bytes == goal)
    return one


async def given_back(edge: Edge) -> None:
    """Wait until nothing is held; more would be wrong."""
    bodies = edge.client.app.gateway.bodies
    await until(lambda: bodies.held_bytes == 0)
    assert len(bodies) == 0


async def is_served(edge: Edge, key: str) -> bool:
    """Say whether a small call of a key is answered."""
    async with edge.client.chat(headers={"Authorization": f"Bearer {key}"}) as answer:
        return answer.status == 200


async def test_uploads_beyond_a_key_s_half_are_a_503(small: Edge) -> None:
    """The one that comes on top is refused and read no further; small calls go on, also of that key."""
    held = [await upload(small, size_bytes=PART) for _ in range(2)]
    bodies = small.client.app.gateway.bodies
    too_much = await upload(small)
    await too_much.send(HALF - 2 * PART + 1)
    reply = await too_much.reply()
    assert (reply.status, reply.error["code"], reply.error["type"]) == (503, "overloaded", "api_error")
    assert (reply.headers["Retry-After"], reply.headers["Connection"]) == ("1", "close")
    assert "this key" in reply.error["message"]
    assert bodies.held_bytes == 2 * PART
    assert await is_served(small, ADA_KEY)
    assert await is_served(small, BOB_KEY)
    small.client.app.turned_away.tell()
    assert turned_away(small, "in_flight") == 1
    for one in held:
        one.writer.close()
    await given_back(small)


async def test_no_key_takes_another_s_half(small: Edge) -> None:
    """With one key's half full another's fits; then the worker is full, and says so to a third; then it has room."""
    held = [await upload(small, key, PART) for key in (ADA_KEY, ADA_KEY, BOB_KEY, BOB_KEY)]
    third = await upload(small, BACKEND_KEY)
    await third.send(MOST - 4 * PART + 1)
    reply = await third.reply()
    assert (reply.status, reply.error["code"]) == (503, "overloaded")
    assert "key" not in reply.error["message"]
    assert await is_served(small, ADA_KEY)
    held[0].writer.close()
    await until(lambda: small.client.app.gateway.bodies.held_bytes == 3 * PART)
    again = await upload(small, BACKEND_KEY, MOST - 4 * PART + 1)
    for one in (*held, again):
        one.writer.close()
    await given_back(small)


async def test_a_body_that_came_with_its_headers_counts_too(small: Edge) -> None:
    """A whole small call is refused where there is no room for it, and served where there is."""
    held = [await upload(small, size_bytes=size) for size in (PART, HALF - PART - len(CHAT) + 1)]
    answered = Upload(*await connect(small.client.url))
    answered.writer.write(request("POST", CHAT_TARGET, body=CHAT))
    reply = await answered.reply()
    assert (reply.status, reply.headers["Connection"]) == (503, "close")
    for one in held:
        one.writer.close()
    await given_back(small)
    assert await is_served(small, ADA_KEY)
    await given_back(small)


@pytest.mark.parametrize(
    ("target", "key", "kind"),
    [
        (CHAT_TARGET, ADA_KEY, "application/json"),
        ("/v1/audio/transcriptions", ADA_KEY, "multipart/form-data; boundary=x"),
        ("/v1/messages", ADA_KEY, "application/json"),
        ("/api/show", ADA_KEY, "application/json"),
        ("/api/chat-quota/set_quota/", ADMIN_KEY, "application/json"),
        ("/assistant/ai-chat/usage", ADMIN_KEY, "application/json"),
    ],
)
async def test_every_body_counts_while_it_comes(small: Edge, target: str, key: str, kind: str) -> None:
    """Not what it promises: what has arrived; until its client leaves."""
    _, writer = await connect(small.client.url)
    lines = (f"Content-Type: {kind}", "Content-Length: 10000")
    bodies = small.client.app.gateway.bodies
    writer.write(request("POST", target, *lines, key=key) + b"-" * 1000)
    await until(lambda: bodies.held_bytes == 1000)
    writer.write(b"-" * 3000)
    await until(lambda: bodies.held_bytes == 4000)
    assert len(bodies) == 1
    writer.transport.abort()
    await given_back(small)


async def test_a_refused_body_is_given_back(small: Edge) -> None:
    """One that is no call, and one over a budget."""
    for body, status in ((b"-" * 5000, 400), (b'{"model":"none-such/x","messages":[]}', 400)):
        (reply,) = await small.talk(request("POST", CHAT_TARGET, LAST, body=body))
        assert reply.status == status
        await given_back(small)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_has_its_body_until_it_ends(small: Edge, stream: bool) -> None:
    """One in one piece goes on without its client, and so does what it brought; a stream ends with its client."""
    gateway = small.client.app.gateway
    body = CHAT.replace(b'"m:"', b'"m:silent"').replace(b"{", b'{"stream":%s,' % str(stream).lower().encode(), 1)
    _, writer = await connect(small.client.url)
    writer.write(request("POST", CHAT_TARGET, body=body))
    await until(lambda: gateway.holds.count == 1)
    assert gateway.bodies.held_bytes == len(body)
    writer.transport.abort()
    await until(lambda: gateway.holds.count == 0 if stream else not small.client.app._places.taken)
    if not stream:
        assert gateway.bodies.held_bytes == len(body)
        assert await gateway.tasks.drain(0) == 1
    await given_back(small)


async def test_another_configuration_counts_on(small: Edge) -> None:
    """What calls in flight hold is not forgotten."""
    gateway = small.client.app.gateway
    assert rebuild(gateway, gateway.config).bodies is gateway.bodies
