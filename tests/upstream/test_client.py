"""Sending: what leaves, what is never done, and what a failure says."""

import asyncio
import socket
import traceback
from typing import Any

import pytest

from gateway.errors import UpstreamBroken, UpstreamError, UpstreamSilent, UpstreamUnreachable
from gateway.model import Secret, Timeouts
from gateway.upstream import Upstream
from tests.provider.process import ProviderProcess
from tests.upstream.conftest import Ask, body_of, provider_at
from tests.upstream.raw import CA_FILE, CERT_FILE, OK, Raw, answer_ok, raw_server, say_nothing

CANARY = "sk-canary-0123456789"


async def send(upstream: Upstream, base_url: str, given: dict[str, str] | None = None, **changes: Any) -> bytes:
    """Send a small request with a credential and read the answer."""
    headers = {"Authorization": f"Bearer {CANARY}"} if given is None else given
    async with upstream.send(provider_at(base_url, **changes), "/chat", b"{}", headers) as answer:
        return await answer.read(1000)


async def failure_of(upstream: Upstream, base_url: str, **changes: Any) -> UpstreamError:
    """Send, and give the error, which never tells the credential."""
    with pytest.raises(UpstreamError) as caught:
        await send(upstream, base_url, **changes)
    error = caught.value
    told = "".join(traceback.format_exception(error)) + repr(error) + repr(error.__cause__)
    assert CANARY not in told
    assert "far" in error.message
    return error


def closed_port() -> int:
    """Find a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_what_leaves_is_what_was_given(upstream: Upstream, far_end: ProviderProcess) -> None:
    """The body is byte-equal; the headers are the call's, the provider's (which win) and ours, and no library's."""
    body = body_of("ok", "é ☃") + b" " * 300_000
    provider = provider_at(far_end.base_url + "/", headers=(("X-Org", Secret("ours")), ("Host", Secret("evil"))))
    sent = {"Authorization": "Bearer k", "x-org": "theirs", "Connection": "authorization", "Accept-Encoding": "br"}
    async with upstream.send(provider, "/chat/completions", body, sent) as answer:
        assert answer.status == 200
        await answer.read(10_000)
    (entry,) = await far_end.log()
    assert entry["body"].encode() == body
    assert {name.lower(): value for name, value in entry["headers"]} == {
        "host": f"127.0.0.1:{far_end.port}",
        "authorization": "Bearer k",
        "x-org": "ours",
        "accept-encoding": "identity",
        "content-type": "application/json",
        "content-length": str(len(body)),
    }


async def test_the_url_is_the_text_of_its_parts(upstream: Upstream) -> None:
    """Nothing in the path is decoded, resolved or quoted anew."""
    async with raw_server() as raw:
        async with upstream.send(provider_at(f"{raw.origin}/v1/"), "/%2e%2e/a%2Fb/../c?k=%2F", b"", {}) as answer:
            assert await answer.read(10) == b"ok"
        assert raw.requests[0].startswith(b"POST /v1/%2e%2e/a%2Fb/../c?k=%2F HTTP/1.1\r\n")


async def test_connections_are_kept(upstream: Upstream) -> None:
    """A read answer gives its connection to the next request."""
    async with raw_server() as raw:
        for _ in range(3):
            assert await send(upstream, raw.origin) == b"ok"
        assert (raw.connections, len(raw.requests)) == (1, 3)


async def test_redirects_are_never_followed(upstream: Upstream, far_end: ProviderProcess) -> None:
    """A 307 to another origin is an error that charges nothing, and nobody is there to see the credential."""
    async with raw_server() as other:
        with pytest.raises(UpstreamBroken, match="redirect") as caught:
            async with upstream.send(
                provider_at(far_end.base_url),
                "/chat/completions",
                body_of(f"m:redirect-{other.port}"),
                {"api-key": "k"},
            ):
                pass
        assert (caught.value.sent, other.connections) == (False, 0)


async def test_proxies_of_the_environment_are_unused(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTP_PROXY and its kin change nothing."""
    async with raw_server() as proxy, raw_server() as far:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.origin)
        async with Upstream() as upstream:
            assert await send(upstream, far.origin) == b"ok"
        assert (proxy.connections, far.connections) == (0, 1)


@pytest.mark.parametrize(
    "base_url",
    [
        "http://127.0.0.1:{closed}",
        "http://nobody.invalid",
        "https://127.0.0.1:{plain}",
        "http://169.254.169.254",
        "http://2852039166",
        "http://[::ffff:169.254.169.254]",
        "http://[fe80::1]",
        "ftp://127.0.0.1",
        "http://user:password@127.0.0.1:{plain}",
        "http://127.0.0.1:99999",
        "nonsense",
    ],
)
async def test_what_cannot_be_reached_was_not_sent(upstream: Upstream, base_url: str) -> None:
    """Refused ports, unknown names, failed handshakes, forbidden addresses, broken URLs: no byte of a request left."""
    async with raw_server() as raw:
        url = base_url.format(closed=closed_port(), plain=raw.port)
        error = await failure_of(upstream, url, timeouts=Timeouts(connect=1.0))
        assert isinstance(error, UpstreamUnreachable)
        assert not error.sent
        assert raw.requests == []


@pytest.mark.parametrize("address", ["169.254.169.254", "[::ffff:169.254.169.254]", "[fe80::1]"])
async def test_metadata_addresses_are_refused_before_dialling(upstream: Upstream, address: str) -> None:
    """The refusal is ours, not the network's."""
    error = await failure_of(upstream, f"http://{address}")
    assert "never dialled" in repr(error.__cause__)


@pytest.mark.parametrize(
    ("certificate", "host", "ca_file"),
    [
        ("good", "localhost", None),
        ("good", "127.0.0.1", CA_FILE),
        ("wrong", "localhost", CA_FILE),
        ("expired", "localhost", CA_FILE),
        ("good", "localhost", "missing.pem"),
        ("good", "localhost", __file__),
    ],
)
async def test_untrusted_tls_sees_nothing(upstream: Upstream, certificate: str, host: str, ca_file: str | None) -> None:
    """An unknown issuer, another host, an expired certificate, an unreadable CA file: no byte of the request leaves."""
    async with raw_server(say_nothing, certificate) as raw:
        error = await failure_of(upstream, f"https://{host}:{raw.port}", ca_file=ca_file)
    assert isinstance(error, UpstreamUnreachable)
    assert not error.sent
    assert b"".join(raw.requests) == b""


async def test_trusted_tls_is_used(upstream: Upstream) -> None:
    """A provider's own CA file makes its certificate good, and the context is built once."""
    async with raw_server(answer_ok, "good") as raw:
        for _ in range(2):
            assert await send(upstream, f"https://localhost:{raw.port}", ca_file=CA_FILE) == b"ok"
        assert raw.connections == 1


async def test_a_provider_may_ask_for_our_certificate(upstream: Upstream) -> None:
    """It is shown to who asks for it; without it nothing is answered, and the next call has a connection of its own."""
    async with raw_server(answer_ok, "good", asks=True) as raw:
        origin = f"https://localhost:{raw.port}"
        error = await failure_of(upstream, origin, ca_file=CA_FILE)
        assert isinstance(error, UpstreamBroken | UpstreamUnreachable)
        assert raw.requests == []
        assert await send(upstream, origin, ca_file=CA_FILE, cert_file=CERT_FILE) == b"ok"


async def test_a_handshake_that_hangs_is_a_connection_not_made(upstream: Upstream) -> None:
    """The connect timeout covers TLS, and nothing was sent."""
    async with raw_server(say_nothing) as raw:
        timeouts = Timeouts(connect=0.3, first_byte=60.0)
        error = await failure_of(upstream, f"https://127.0.0.1:{raw.port}", timeouts=timeouts)
    assert isinstance(error, UpstreamUnreachable)
    assert not error.sent


@pytest.mark.parametrize("value", ["a\r\nEvil: 1", "a\nEvil: 1", "a\0b"])
@pytest.mark.parametrize("where", ["call", "provider"])
async def test_header_injection_is_refused(upstream: Upstream, value: str, where: str) -> None:
    """A control character in a header stops the request before its first byte."""
    async with raw_server() as raw:
        of_call = {"X-A": value} if where == "call" else {}
        of_provider = (("X-B", Secret(value)),) if where == "provider" else ()
        with pytest.raises(UpstreamUnreachable) as caught:
            await send(upstream, raw.origin, of_call, headers=of_provider)
        assert (caught.value.sent, raw.requests) == (False, [])


async def hang_up(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read a request and close."""
    await raw.request(reader)


async def reset(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close with the request unread, which resets."""
    await reader.readexactly(1)


async def talk_nonsense(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with something else than HTTP."""
    await raw.request(reader)
    writer.write(b"220 smtp.example ESMTP\r\n")


async def flood_headers(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer with a header line without end."""
    await raw.request(reader)
    writer.write(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000)
    await reader.read()


@pytest.mark.parametrize("handle", [hang_up, reset, talk_nonsense, flood_headers])
async def test_a_broken_answer_counts_as_sent(upstream: Upstream, handle: Any) -> None:
    """Once a request may have left, a failure says so, and it is not sent again."""
    async with raw_server(handle) as raw:
        error = await failure_of(upstream, raw.origin)
        assert (type(error), error.sent) == (UpstreamBroken, True)
        assert raw.connections == 1


async def drip_headers(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send interim answers for ever."""
    await raw.request(reader)
    while True:
        writer.write(b"HTTP/1.1 102 Processing\r\n\r\n")
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("handle", [say_nothing, drip_headers])
async def test_a_silent_provider_is_given_up(upstream: Upstream, handle: Any) -> None:
    """No answer within its time is a 504, sent, also when interim answers keep the connection busy."""
    async with raw_server(handle) as raw:
        timeouts = Timeouts(connect=0.3, first_byte=0.3)
        error = await failure_of(upstream, raw.origin, timeouts=timeouts)
    assert (type(error), error.status, error.sent) == (UpstreamSilent, 504, True)


async def test_a_stuck_upload_is_given_up(upstream: Upstream) -> None:
    """A provider that takes no more bytes of a long body does not hold the call for ever."""

    async def take_nothing(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with raw_server(take_nothing) as raw:
        provider = provider_at(raw.origin, timeouts=Timeouts(connect=0.2, first_byte=0.2))
        with pytest.raises(UpstreamSilent) as caught:
            async with upstream.send(provider, "/", b"a" * 16_777_216, {}):
                pass
    assert caught.value.sent


async def test_a_stale_connection_is_an_error_and_no_second_request(upstream: Upstream) -> None:
    """A kept connection that dies under a request: the provider sees that request once, and it counts as sent."""

    async def answer_once(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw.request(reader)
        writer.write(OK)
        await raw.request(reader)

    async with raw_server(answer_once) as raw:
        assert await send(upstream, raw.origin) == b"ok"
        error = await failure_of(upstream, raw.origin)
        assert (type(error), error.sent) == (UpstreamBroken, True)
        assert (raw.connections, len(raw.requests)) == (1, 2)


async def test_leaving_early_stops_the_provider(ask: Ask, far_end: ProviderProcess) -> None:
    """The far end sees the connection close and generates no further."""
    async with ask("m:tokens-100000.delay-1") as answer:
        async for _ in answer.chunks():
            break
    assert (await far_end.settled())["left"] == 1
    assert (await far_end.served())["completion_tokens"] < 100_000


async def test_an_error_of_the_caller_passes_unchanged(ask: Ask, far_end: ProviderProcess) -> None:
    """What the caller's own code raises inside is not taken for the provider's failure; the connection is closed."""
    with pytest.raises(ValueError, match="mine"):
        async with ask("m:tokens-100000.delay-1"):
            raise ValueError("mine")
    assert (await far_end.settled())["left"] == 1


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
async def test_an_error_answer_is_an_answer(ask: Ask, status: int) -> None:
    """4xx and 5xx come back with their bodies, for the client to read."""
    async with ask(f"m:status-{status}.retry-7") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (status, "7")
        assert b"told to fail" in await answer.read(10_000)
