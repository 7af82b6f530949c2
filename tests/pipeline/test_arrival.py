"""A request's bytes: which media, how many, when they are asked for; and which session they belong to."""

import gzip
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from gateway.usage.queries import days
from tests.edge import Edge, edge_running
from tests.gateways import ACME, ADA_KEY, Client, Limits
from tests.wire import CHAT, CHAT_TARGET, LAST, connect, replies

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIMIT_BYTES = 3 << 20
"""Above what is decoded in the event loop, so that the cap is met on both ways."""
JSON = "Content-Type: application/json"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge(
    valkey_url: str, far_address: tuple[int, int], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Edge]:
    """Give a gateway with a low cap on bodies, and no other limit."""
    limits = Limits(company_tokens=-1, max_body_bytes=LIMIT_BYTES)
    async with edge_running(valkey_url, far_address, tmp_path_factory.mktemp("arrival"), limits) as running:
        yield running


def post(*lines: str, body: bytes = CHAT, sized: bool = True) -> bytes:
    """Write a call whose media and framing are all in `lines`."""
    head = [f"POST {CHAT_TARGET} HTTP/1.1", "Host: x", f"Authorization: Bearer {ADA_KEY}", LAST, *lines]
    if sized:
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def chunked(body: bytes, size_bytes: int = 65_536) -> bytes:
    """Write a body as chunks."""
    pieces = [body[at : at + size_bytes] for at in range(0, len(body), size_bytes)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json;charset=utf-8",
        'application/json; charset="UTF-8"',
        "application/json;",
        "application/json ; charset=utf-8",
    ],
)
async def test_json_is_taken_however_it_is_announced(edge: Edge, kind: str) -> None:
    """One media type in UTF-8, spelled as RFC 9110 allows; the provider is told the same."""
    await edge.far.reset()
    (reply,) = await edge.talk(post(f"Content-Type: {kind}"))
    assert reply.status == 200
    (asked,) = await edge.asked()
    assert dict(asked["headers"])["Content-Type"].lower().startswith("application/json")


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("Content-Type:",),
        ("Content-Type: application/x-www-form-urlencoded",),
        ("Content-Type: text/plain",),
        ("Content-Type: text/json",),
        ("Content-Type: multipart/form-data; boundary=x",),
        ("Content-Type: application/jsonp",),
        ("Content-Type: application/problem+json",),
        ("Content-Type: application/json-seq",),
        ("Content-Type: application/json, text/plain",),
        ("Content-Type: application/json;charset=utf-16",),
        ("Content-Type: application/json;charset=utf-8;charset=utf-16",),
        ("Content-Type: application/json; boundary=x",),
        ("Content-Type: */*",),
    ],
    ids=lambda lines: " + ".join(lines) or "none",
)
async def test_another_medium_is_refused_with_the_one_to_send(edge: Edge, lines: tuple[str, ...]) -> None:
    """415, saying what to send: curl's `-d` announces a form."""
    async with edge.untouched():
        (reply,) = await edge.talk(post(*lines))
        assert (reply.status, reply.error["code"]) == (415, "unsupported_media_type")
        assert reply.error["param"] == "content-type"
        assert "Content-Type: application/json" in reply.error["message"]


@pytest.mark.parametrize(
    "coding", ["gzip", "GZIP", "deflate", "br", "zstd", "gzip, gzip", "identity, gzip", "x", "chunked"]
)
async def test_a_compressed_body_is_refused(edge: Edge, coding: str) -> None:
    """415 before a byte of it is inflated."""
    async with edge.untouched():
        (reply,) = await edge.talk(post(JSON, f"Content-Encoding: {coding}", body=gzip.compress(CHAT)))
        assert (reply.status, reply.error["param"]) == (415, "content-encoding")


async def test_a_body_that_says_it_is_not_compressed_is_taken(edge: Edge) -> None:
    """`identity` is no encoding."""
    (reply,) = await edge.talk(post(JSON, "Content-Encoding: identity"))
    assert reply.status == 200


@pytest.mark.parametrize("sized", [True, False])
@pytest.mark.parametrize(("over_bytes", "status"), [(0, 200), (1, 413)])
async def test_a_body_may_have_so_many_bytes(edge: Edge, sized: bool, over_bytes: int, status: int) -> None:
    """The cap holds to the byte, with a length and without."""
    body = CHAT + b" " * (LIMIT_BYTES + over_bytes - len(CHAT))
    data = post(JSON, body=body) if sized else post(JSON, "Transfer-Encoding: chunked", body=chunked(body), sized=False)
    (reply,) = await edge.talk(data)
    assert reply.status == status
    if over_bytes:
        assert (reply.error["code"], str(LIMIT_BYTES) in reply.error["message"]) == ("request_too_large", True)


async def test_a_body_that_is_too_large_is_not_asked_for(edge: Edge) -> None:
    """By its Content-Length alone: 413 comes before a byte of the body, and nothing is charged."""
    reader, writer = await connect(edge.client.url)
    async with edge.untouched():
        writer.write(post(JSON, "Expect: 100-continue", f"Content-Length: {10**15}", body=b"", sized=False))
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    writer.close()


async def test_an_endless_body_is_cut_off(edge: Edge) -> None:
    """Without a length: 413 comes when the cap is passed, however much would follow."""
    reader, writer = await connect(edge.client.url)
    async with edge.untouched():
        writer.write(post(JSON, "Transfer-Encoding: chunked", body=b"", sized=False))
        writer.write(chunked(b" " * (LIMIT_BYTES + 1)).removesuffix(b"0\r\n\r\n"))
        assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    writer.close()


async def test_an_image_of_two_megabytes_passes(edge: Edge) -> None:
    """A long string is legal: it is decoded beside the event loop, counted as media, and sent on whole."""
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{'A' * (2 << 20)}"}}
    body = json.dumps({"model": "m:", "messages": [{"role": "user", "content": [image]}]}).encode()
    await edge.far.reset()
    (reply,) = await edge.talk(post(JSON, body=body))
    assert reply.status == 200
    (asked,) = await edge.asked()
    assert json.loads(asked["body"])["messages"][0]["content"] == [image]


async def test_a_client_that_waits_is_told_to_go_on(edge: Edge) -> None:
    """`Expect: 100-continue` (curl sends it for long bodies) gets its interim answer, then the final one."""
    reader, writer = await connect(edge.client.url)
    writer.write(post(JSON, "Expect: 100-Continue", f"Content-Length: {len(CHAT)}", body=b"", sized=False))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(CHAT)
    (reply,) = replies(await reader.read())
    assert reply.status == 200
    writer.close()


@pytest.mark.parametrize(
    ("line", "status"), [("Content-Type: text/plain", 415), ("Authorization: Bearer wrong-key-0123456789", 401)]
)
async def test_a_client_that_waits_is_refused_before_it_sends(edge: Edge, line: str, status: int) -> None:
    """What the headers decide is told without asking for the body."""
    reader, writer = await connect(edge.client.url)
    head = post(line, "Expect: 100-continue", f"Content-Length: {len(CHAT)}", body=b"", sized=False)
    if "Authorization" in line:
        head = head.replace(f"Authorization: Bearer {ADA_KEY}\r\n".encode(), b"")
    writer.write(head)
    assert (await reader.readline()).startswith(b"HTTP/1.1 %d " % status)
    writer.close()


async def _sessions(client: Client) -> frozenset[str]:
    await client.company()
    today = datetime.now(UTC).date()
    day = timedelta(days=1)
    return frozenset().union(
        *[record.sessions async for record in days(client.app.gateway.store, ACME, today - day, today + day)]
    )


SAME_SESSION = [
    ({"X-Gateway-Session": "one"}, {}),
    ({"X-Claude-Code-Session-Id": "one"}, {}),
    ({}, {"prompt_cache_key": "one"}),
    ({"X-Gateway-Session": "one", "X-Claude-Code-Session-Id": "two"}, {"prompt_cache_key": "three"}),
    ({"X-Claude-Code-Session-Id": "one"}, {"prompt_cache_key": "two"}),
    ({"X-Gateway-Session": "", "X-Claude-Code-Session-Id": "one"}, {}),
]


async def test_a_session_is_named_by_the_first_who_names_it(edge: Edge) -> None:
    """Our header, else Claude Code's, else `prompt_cache_key`; a call that names none belongs to none."""
    assert not await _sessions(edge.client)
    for headers, fields in SAME_SESSION:
        async with edge.client.chat(headers=headers, **fields) as answer:
            assert answer.status == 200
    assert len(await _sessions(edge.client)) == 1
    async with edge.client.chat(headers={"X-Gateway-Session": "two"}) as answer:
        assert answer.status == 200
    assert len(await _sessions(edge.client)) == 2


async def test_a_session_may_be_any_bytes(edge: Edge) -> None:
    """It is only digested: bytes that are no text do not stop a call."""
    lines = "X-Gateway-Session: \xff\xfe".encode("latin-1")
    (reply,) = await edge.talk(post(JSON).replace(b"Host: x", b"Host: x\r\n" + lines))
    assert reply.status == 200
