"""Bytes that are not HTTP, or HTTP that two servers could read differently: one 400, and the connection ends."""

import pytest
from structlog.testing import capture_logs

from tests.edge import Edge
from tests.gateways import ADA_KEY
from tests.wire import CHAT, CHAT_TARGET, LAST, connect, replies, request

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIZE = f"Content-Length: {len(CHAT)}"
CHUNKED = "Transfer-Encoding: chunked"
SMUGGLED = request("GET", "/healthz")


def post(*lines: str, body: bytes = CHAT) -> bytes:
    """Write a call whose framing is all in `lines`."""
    head = [
        f"POST {CHAT_TARGET} HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {ADA_KEY}",
        "Content-Type: application/json",
    ]
    return "\r\n".join([*head, *lines]).encode("latin-1") + b"\r\n\r\n" + body


def chunked(body: bytes, size: str | None = None) -> bytes:
    """Write a body as one chunk, whose size may be given in other words."""
    return f"{size or format(len(body), 'x')}\r\n".encode() + body + b"\r\n0\r\n\r\n"


AMBIGUOUS = {
    "both framings": post(CHUNKED, "Content-Length: 4", body=chunked(CHAT) + SMUGGLED),
    "both framings, length first": post("Content-Length: 4", CHUNKED, body=chunked(CHAT) + SMUGGLED),
    "two lengths": post(SIZE, "Content-Length: 5", body=CHAT + SMUGGLED),
    "two lengths alike": post(SIZE, SIZE, body=CHAT + SMUGGLED),
    "a list of lengths": post(f"{SIZE}, 5", body=CHAT + SMUGGLED),
    "a negative length": post("Content-Length: -1"),
    "a signed length": post(f"Content-Length: +{len(CHAT)}"),
    "a length in hex": post("Content-Length: 0x43"),
    "a length that is a word": post("Content-Length: many"),
    "an unknown coding": post("Transfer-Encoding: xchunked", body=chunked(CHAT)),
    "chunked not last": post("Transfer-Encoding: chunked, identity", body=chunked(CHAT)),
    "chunked twice": post(CHUNKED, CHUNKED, body=chunked(CHAT)),
    "a space before the colon": post("Transfer-Encoding : chunked", body=chunked(CHAT)),
    "two media types": post(SIZE, "Content-Type: text/plain"),
    "two hosts": post(SIZE, "Host: y"),
    "a folded header": post("X-A: b\r\n c: d", SIZE),
    "a header without a colon": post("X-A", SIZE),
    "an empty header name": post(": b", SIZE),
    "a NUL in a header": post("X-A: b\0c", SIZE),
    "a bare line feed": post(SIZE).replace(b"\r\nHost", b"\nHost"),
    "a bare carriage return": post("X-A: b\rX-C: d", SIZE),
    "a chunk size with a sign": post(CHUNKED, body=chunked(CHAT, f"+{len(CHAT):x}")),
    "a chunk size with a prefix": post(CHUNKED, body=chunked(CHAT, f"0x{len(CHAT):x}")),
    "a chunk size that is none": post(CHUNKED, body=chunked(CHAT, "zz")),
    "a chunk size that is too large": post(CHUNKED, body=chunked(CHAT, "f" * 17)),
    "a chunk shorter than it says": post(CHUNKED, body=chunked(CHAT, "1")),
    "a version that is none": post(SIZE).replace(b"HTTP/1.1", b"HTTP/1.11"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32) + b"\r\n\r\n",
    "a header line of 9 KiB": post(f"X-A: {'a' * 9216}", SIZE),
}


@pytest.mark.parametrize("data", AMBIGUOUS.values(), ids=list(AMBIGUOUS))
async def test_an_ambiguous_request_gets_one_400(edge: Edge, data: bytes) -> None:
    """Nothing of it is served, nothing after it is read, and the connection is closed."""
    async with edge.untouched():
        (reply,) = await edge.talk(data)
        assert (reply.status, reply.error["type"]) == (400, "invalid_request_error")
        assert "x-request-id" in reply.headers


async def test_what_could_not_be_parsed_is_not_repeated(edge: Edge) -> None:
    """A malformed line may be a key or a piece of a prompt: it is neither answered nor logged."""
    with capture_logs() as lines:
        (reply,) = await edge.talk(b"GET /v1/models HTTP/1.1\r\nx-api-key : canary-0123456789\r\n\r\n")
    (line,) = lines
    assert (line["event"], line["request_id"]) == ("malformed_request", reply.headers["x-request-id"])
    assert "canary" not in f"{reply}{lines}"


async def test_a_body_that_turns_malformed_is_refused_at_once(edge: Edge) -> None:
    """A body whose framing breaks after its call has begun gets one 400; nobody waits for the rest."""
    reader, writer = await connect(edge.client.url)
    async with edge.untouched():
        writer.write(post(CHUNKED, "Expect: 100-continue", body=b""))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"  # its reader waits for the body
        writer.write(b"1\r\n{\r\n")
        writer.write(b"zz\r\n")
        (reply,) = replies(await reader.read())
        assert (reply.status, reply.error["code"]) == (400, "invalid_request")
    writer.close()


async def test_a_client_that_leaves_in_the_middle_of_a_body_costs_nothing(edge: Edge) -> None:
    """A body that never comes whole is no call."""
    async with edge.untouched():
        reader, writer = await connect(edge.client.url)
        writer.write(post(SIZE, "Expect: 100-continue", body=b""))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(CHAT[:-1])
        await writer.drain()
        writer.close()
        await writer.wait_closed()


async def test_pipelined_requests_are_answered_in_order(edge: Edge) -> None:
    """Each request on a connection gets its own answer, with its own id, a refused one in between as well."""
    data = request("POST", CHAT_TARGET, body=CHAT)
    data += request("POST", CHAT_TARGET, body=b"{}") + request("GET", "/nothing") + request("GET", "/healthz", LAST)
    answers = await edge.talk(data)
    assert [reply.status for reply in answers] == [200, 400, 404, 200]
    assert len({reply.headers["x-request-id"] for reply in answers}) == 4


async def test_a_chunked_body_is_sent_on_with_its_length(edge: Edge) -> None:
    """However a body is framed, extensions and trailers included, the provider gets ours: with a Content-Length."""
    body = f"{len(CHAT):x};name=value\r\n".encode() + CHAT + b"\r\n0\r\nAuthorization: Bearer trailer\r\n\r\n"
    await edge.far.reset()
    (reply,) = await edge.talk(post(CHUNKED, "Trailer: Authorization", LAST, body=body))
    assert reply.status == 200
    (asked,) = await edge.asked()
    fields = dict(asked["headers"])
    assert int(fields["Content-Length"]) == len(asked["body"])
    assert not {"Transfer-Encoding", "Trailer"} & set(fields)
    assert "trailer" not in fields["Authorization"]


async def test_an_old_client_gets_its_answer_and_the_end(edge: Edge) -> None:
    """HTTP/1.0 without keep-alive: one answer, then the connection is closed."""
    (reply,) = await edge.talk(post(SIZE).replace(b"HTTP/1.1", b"HTTP/1.0"))
    assert reply.status == 200
