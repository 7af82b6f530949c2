"""Much of something small, or one thing that is very large: served or refused, and the gateway goes on."""

import asyncio
import os
import re
import tracemalloc
from contextlib import suppress

import pytest
from structlog.testing import capture_logs

from tests.app.test_connection import CHUNKED, post
from tests.edge import Edge
from tests.gateways import ADA_KEY
from tests.wire import CHAT, CHAT_TARGET, LAST, connect, replies, request

pytestmark = pytest.mark.asyncio(loop_scope="module")

PIECES = 64_000
"""One byte each: nearly as large a body as this gateway takes."""
TRAILERS = 200_000
STRANGERS = 300


async def test_a_body_of_one_byte_chunks_is_a_body(edge: Edge) -> None:
    """However many pieces a body comes in, it is read once and refused or sent on as one."""
    spaces = PIECES - len(CHAT)
    body = b"".join(b"1\r\n%c\r\n" % byte for byte in CHAT) + b"1\r\n \r\n" * spaces + b"0\r\n\r\n"
    await edge.far.reset()
    (reply,) = await edge.talk(post(CHUNKED, LAST, body=body))
    assert reply.status == 200
    (asked,) = await edge.asked()
    assert len(asked["body"]) < len(CHAT) + 200


async def test_a_flood_of_trailers_ends_the_connection(edge: Edge) -> None:
    """Trailers are not collected: beyond what headers may have, the request is refused or the connection ends."""
    async with edge.untouched():
        reader, writer = await connect(edge.client.url)
        tracemalloc.start()
        with suppress(ConnectionError):
            writer.write(post(CHUNKED, body=f"{len(CHAT):x}\r\n".encode() + CHAT + b"\r\n0\r\n"))
            for number in range(TRAILERS):
                writer.write(b"X-%d: Bearer trailer\r\n" % number)
                if number % 1_000 == 0:
                    await writer.drain()
        with suppress(ConnectionError):
            assert b" 200 " not in await reader.read()
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak_bytes < 16 << 20
        writer.close()


async def test_more_requests_than_are_answered_wait_outside(edge: Edge) -> None:
    """Requests that a client sends ahead are read a few at a time, and each is answered in its turn."""
    ahead = 2_000
    reader, writer = await connect(edge.client.url)
    writer.write(request("GET", "/healthz") * ahead + request("GET", "/healthz", LAST))
    answers = replies(await reader.read())
    assert [reply.status for reply in answers] == [200] * (ahead + 1)
    writer.close()


@pytest.mark.parametrize("value", ["'", '"; DROP TABLE keys; --', "\x7f", "é", "a" * 8_000, "{q1}", "Bearer Bearer x"])
async def test_no_credential_is_an_error_of_ours(edge: Edge, value: str) -> None:
    """Whatever stands in the place of a key is a wrong key: 401, or 400 where it is no header at all; never 5xx."""
    async with edge.untouched():
        for line in (f"Authorization: Bearer {value}", f"Authorization: {value}", f"x-api-key: {value}"):
            (reply,) = await edge.talk(request("POST", CHAT_TARGET, line, LAST, body=CHAT, key=None))
            assert reply.status in {400, 401}


async def test_strangers_add_no_series(edge: Edge) -> None:
    """Whatever models, purposes, methods, paths, hosts and keys are asked for, metrics stay as many as they were."""

    async def ask(number: int) -> None:
        word = f"stranger-{number}"
        model = f'{{"model":"{word}","messages":[{{"role":"user","content":"x"}}]}}'.encode()
        every = [
            request("POST", CHAT_TARGET, LAST, body=model),
            request("POST", CHAT_TARGET, f"X-Gateway-Purpose: {word}", LAST, body=CHAT),
            request("POST", CHAT_TARGET, LAST, body=CHAT, key=f"{word}-0123456789"),
            request("GET", f"/v1/{word}", LAST),
            request("GET", f"/v1/models/{word}", LAST),
            request("PROPFIND", "/v1/models", LAST),
            request("GET", "/v1/models", LAST).replace(b"gateway.example", word.encode()),
        ]
        for data in every:
            await edge.talk(data)

    async def series() -> set[str]:
        flush = getattr(edge.client.app.gateway.metrics, "flush", lambda: None)
        flush()
        found = edge.client.app.gateway.metrics.registry.collect()
        return {f"{one.name}{sorted(one.labels.items())}" for family in found for one in family.samples}

    await ask(-1)
    before = await series()
    for start in range(0, STRANGERS, 20):
        await asyncio.gather(*(ask(number) for number in range(start, start + 20)))
    after = await series()
    assert not [one for one in after - before if "correction" not in one]  # which is learned, under names of the file
    assert "stranger" not in f"{after}"


@pytest.mark.parametrize("header", ["User-Agent", "X-Gateway-Session", "X-Gateway-Purpose", "Referer", "X-Request-ID"])
async def test_a_header_cannot_forge_a_line_of_the_log(edge: Edge, header: str) -> None:
    """What a client sends is no line of its own and no colour on a screen, and stands nowhere unless it is known."""
    forged = "x\x1b[31m call status=200 outcome=ok key=boss \x85"
    with capture_logs() as lines:
        await edge.talk(request("POST", CHAT_TARGET, f"{header}: {forged}", LAST, body=CHAT))
    assert not [line for line in lines if "boss" in f"{line}" or re.search("[\x00-\x1f\x7f-\x9f]", f"{line}")]


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="no /proc")  # noqa: PTH110
async def test_no_descriptor_is_left_behind(edge: Edge) -> None:
    """Clients that come, are refused in every way, and leave, leave nothing open."""

    async def once() -> None:
        reader, writer = await connect(edge.client.url)
        writer.write(post("Content-Length: 10", body=b"x"))
        writer.transport.abort()
        await edge.talk(b"\x00\r\n\r\n")
        await edge.talk(request("GET", "/v1/models", LAST, key=f"no-{ADA_KEY}"))
        with suppress(ConnectionError):
            await reader.read()

    await once()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for _ in range(20):
        await asyncio.gather(*(once() for _ in range(10)))
    while len(os.listdir("/proc/self/fd")) > before + 5:  # noqa: ASYNC110, PTH208
        await asyncio.sleep(0.05)
