"""Reading: nothing that arrived is lost, nothing unbounded is taken in, and every failure has its class."""

import asyncio
import zlib
from typing import Any

import pytest

from gateway.errors import UpstreamBroken, UpstreamSilent
from gateway.model import Timeouts
from gateway.upstream import Answer, Upstream
from tests.provider.process import ProviderProcess
from tests.store.servers import until
from tests.upstream.conftest import Ask, provider_at
from tests.upstream.raw import Raw, raw_server

STALL = Timeouts(connect=5.0, first_byte=0.4, between_bytes=0.4)


async def gather(answer: Answer) -> tuple[bytes, BaseException | None]:
    """Read to the end or the failure; give the bytes and the failure."""
    pieces = []
    try:
        async for piece in answer.chunks():
            pieces.append(piece)  # noqa: PERF401 - what came before a failure is wanted
    except (UpstreamBroken, UpstreamSilent) as error:
        return b"".join(pieces), error
    return b"".join(pieces), None


async def buffered(answer: Answer, size_bytes: int) -> bytes:
    """Take what has arrived, without reading, until it is as much as that."""
    data = b""
    while len(data) < size_bytes:
        data += answer.buffered()
        await asyncio.sleep(0.01)
    return data


async def whole(ask: Ask, model: str) -> bytes:
    """Give the complete stream for a model."""
    async with ask(model) as answer:
        body, failure = await gather(answer)
    assert failure is None
    return body


@pytest.mark.parametrize("cut_bytes", [0, 1, 7, 180, 1000, 2500])
@pytest.mark.parametrize("way", ["cut", "fin", "stall"])
async def test_what_arrived_before_a_failure_is_read_first(ask: Ask, way: str, cut_bytes: int) -> None:
    """Cut by a reset or by an early end, or fallen silent: every byte before comes out, then the failure that fits."""
    async with ask(f"m:tokens-40.{way}-{cut_bytes}", timeouts=STALL) as answer:
        assert answer.status == 200
        body, failure = await gather(answer)
    assert len(body) == cut_bytes
    assert type(failure) is (UpstreamSilent if way == "stall" else UpstreamBroken)
    assert failure.sent


async def test_a_late_reader_loses_nothing_to_a_cut(ask: Ask, far_end: ProviderProcess) -> None:
    """Bytes that were buffered when the connection broke are still given out."""
    async with ask("m:tokens-40.cut-2500") as answer:
        await far_end.settled()
        body, failure = await gather(answer)
        assert len(body) == 2500
        assert isinstance(failure, UpstreamBroken)
        with pytest.raises(UpstreamBroken):
            await anext(answer.chunks())


@pytest.mark.parametrize("length", [b"", b"Content-Length: 9\r\n"])
@pytest.mark.parametrize("is_late", [False, True])
async def test_a_body_that_falls_silent_is_not_read_as_whole(
    upstream: Upstream, length: bytes, *, is_late: bool
) -> None:
    """Nor is it where the connection's end would have been the body's, which our own closing looks like."""

    async def serve(raw: Raw, reader: Any, writer: Any) -> None:
        await raw.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n" + length + b"\r\npart")
        await reader.read()

    async with (
        raw_server(serve) as raw,
        upstream.send(provider_at(raw.origin, timeouts=STALL), "/", b"{}", {}) as answer,
    ):
        content = answer._content
        if is_late:
            await until(lambda: content.exception() is not None and content._protocol.transport is None)
        with pytest.raises(UpstreamSilent):
            await answer.read(100)


async def test_chunks_leave_as_they_arrive(ask: Ask, far_end: ProviderProcess) -> None:
    """The first frame is here while the far end still waits to make the second."""
    async with ask("m:tokens-2.delay-600000") as answer:
        assert (await anext(answer.chunks())).startswith(b"data: ")
        assert (await far_end.served())["running"] == 1


async def test_a_caller_that_leaves_gets_what_has_arrived(ask: Ask) -> None:
    """`buffered` gives the unread bytes at once: nothing, then all, then nothing again."""
    async with ask("m:tokens-40.stall-2500") as answer:
        seen = len(await anext(answer.chunks()))
        assert seen + len(await buffered(answer, 2500 - seen)) == 2500
        assert answer.buffered() == b""


async def test_a_cancelled_reader_gets_what_has_arrived(ask: Ask) -> None:
    """Cancelling a read loses no byte of the answer."""
    async with ask("m:tokens-40.stall-2500") as answer:
        pieces: list[bytes] = []
        has_read = asyncio.Event()

        async def read() -> None:
            async for piece in answer.chunks():
                pieces.append(piece)
                has_read.set()

        task = asyncio.create_task(read())
        await has_read.wait()
        task.cancel()
        await asyncio.wait({task})
        seen = len(b"".join(pieces))
        assert seen + len(await buffered(answer, 2500 - seen)) == 2500


async def test_buffered_after_a_cut(ask: Ask, far_end: ProviderProcess) -> None:
    """Also when the connection has broken meanwhile."""
    async with ask("m:tokens-40.cut-2500") as answer:
        await far_end.settled()
        assert len(answer.buffered()) == 2500


async def test_a_body_is_read_up_to_a_limit(ask: Ask) -> None:
    """One byte more than allowed is an error that counts as sent."""
    size = len(await whole(ask, "m:tokens-9"))
    async with ask("m:tokens-9") as answer:
        assert len(await answer.read(size + 20)) in range(size - 20, size + 20)
    async with ask("m:tokens-9") as answer:
        with pytest.raises(UpstreamBroken, match="over 100 bytes") as caught:
            await answer.read(100)
    assert caught.value.sent


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
@pytest.mark.parametrize("how", ["", ".chunk-5"])
async def test_a_body_compressed_in_spite_of_us_is_read(ask: Ask, coding: str, how: str) -> None:
    """Streams and documents come out inflated, each frame as it arrives."""
    body = await whole(ask, f"m:tokens-9.{coding}{how}")
    assert body.startswith(b'data: {"id"')
    assert body.endswith(b"data: [DONE]\n\n")
    async with ask(f"m:tokens-9.{coding}{how}", stream=False) as answer:
        assert (await answer.read(10_000)).startswith(b'{"id"')
    async with ask(f"m:tokens-2.delay-600000.{coding}") as answer:
        assert (await anext(answer.chunks())).startswith(b"data: ")


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_buffered_inflates(ask: Ask, coding: str) -> None:
    """A caller that leaves gets text, not compressed bytes."""
    async with ask(f"m:tokens-4.stall-400.{coding}") as answer:
        assert (await buffered(answer, 100)).startswith(b'data: {"id"')


@pytest.mark.parametrize("cut_bytes", [1, 50])
async def test_a_compressed_body_that_ends_early_is_broken(upstream: Upstream, cut_bytes: int) -> None:
    """Well-framed HTTP around half of a gzip stream is a broken answer."""
    packed = zlib.compress(b"a text of some length " * 9 + bytes(range(256)), wbits=31)[:cut_bytes]
    with pytest.raises(UpstreamBroken):
        await fetch(upstream, packed, "gzip")


async def fetch(upstream: Upstream, body: bytes, coding: str, status: int = 200) -> bytes:
    """Ask a server that answers with this body."""

    async def serve(raw: Raw, reader: Any, writer: Any) -> None:
        await raw.request(reader)
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nContent-Encoding: {coding}\r\n\r\n"
        writer.write(head.encode() + body)

    async with raw_server(serve) as raw, upstream.send(provider_at(raw.origin), "/", b"{}", {}) as answer:
        return await answer.read(1_000_000)


@pytest.mark.parametrize("body", [b"not gzip at all", b"", b"\x1f\x8b"])
async def test_damaged_compression_is_broken(upstream: Upstream, body: bytes) -> None:
    """A body that is not what its header says is a broken answer."""
    with pytest.raises(UpstreamBroken) as caught:
        await fetch(upstream, body, "gzip")
    assert caught.value.sent


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip, gzip"])
@pytest.mark.parametrize(("status", "sent"), [(200, True), (500, False)])
async def test_other_encodings_are_refused(upstream: Upstream, coding: str, status: int, *, sent: bool) -> None:
    """What cannot be metered is not passed on; an error answer in it has produced nothing to charge for."""
    with pytest.raises(UpstreamBroken, match="encoding") as caught:
        await fetch(upstream, b"whatever", coding, status)
    assert caught.value.sent is sent


@pytest.mark.parametrize("coding", ["identity", "IDENTITY", ""])
async def test_identity_is_no_encoding(upstream: Upstream, coding: str) -> None:
    """A server may say that it did nothing."""
    assert await fetch(upstream, b"text", coding) == b"text"


async def test_a_bomb_is_cut_when_read_whole(ask: Ask) -> None:
    """1000:1 stops at the limit of the reader."""
    async with ask("m:bomb-30") as answer:
        with pytest.raises(UpstreamBroken, match="over 1000000 bytes"):
            await answer.read(1_000_000)


async def test_a_bomb_is_cut_when_streamed(ask: Ask) -> None:
    """1000:1 comes in small pieces and stops at the room's own limit."""
    size_bytes = 0
    async with ask("m:bomb-80") as answer:
        with pytest.raises(UpstreamBroken, match="bomb"):  # noqa: PT012 - counts what comes before
            async for piece in answer.chunks():
                assert len(piece) <= 65_536
                size_bytes += len(piece)
    assert 60_000_000 < size_bytes <= 67_108_864


@pytest.mark.parametrize(
    "body",
    [b"5\r\nhello\r\nZZ\r\n", b"5\r\nhelloXX0\r\n\r\n", b"5\r\nhello\r\n-1\r\n"],
)
async def test_bad_framing_is_broken(upstream: Upstream, body: bytes) -> None:
    """A chunked body that breaks its own rules gives what came and fails (and does not hang for ever)."""
    has_headers = asyncio.Event()

    async def serve(raw: Raw, reader: Any, writer: Any) -> None:
        await raw.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await has_headers.wait()  # in one packet with its headers, a broken body is no answer at all
        writer.write(body)
        await reader.read()

    async with raw_server(serve) as raw, upstream.send(provider_at(raw.origin), "/", b"{}", {}) as answer:
        has_headers.set()
        got, failure = await gather(answer)
    assert got == b"hello"
    assert isinstance(failure, UpstreamBroken)


async def test_headers_of_one_connection_stay_behind(ask: Ask) -> None:
    """Hop-by-hop fields and those named in `Connection` are not in the answer's headers."""
    async with ask("m:naughty") as answer:
        names = {name.lower() for name in answer.headers}
    assert not names & {"connection", "keep-alive", "proxy-authenticate", "transfer-encoding", "x-listed"}
    assert {"content-type", "x-request-id"} <= names


async def test_thinking_after_the_headers_is_not_silence(upstream: Upstream) -> None:
    """Until the body's first byte the longer limit holds; after it, the one between bytes."""

    async def serve(raw: Raw, reader: Any, writer: Any) -> None:
        await raw.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        await asyncio.sleep(0.6)
        writer.write(b"late")
        await reader.read()

    timeouts = Timeouts(connect=5.0, first_byte=30.0, between_bytes=0.2)
    async with (
        raw_server(serve) as raw,
        upstream.send(provider_at(raw.origin, timeouts=timeouts), "/", b"{}", {}) as answer,
    ):
        got, failure = await gather(answer)
    assert got == b"late"
    assert isinstance(failure, UpstreamSilent)


async def test_headers_without_a_body_are_not_waited_for_for_ever(upstream: Upstream) -> None:
    """Silence after the headers ends after the time for the first byte."""

    async def serve(raw: Raw, reader: Any, writer: Any) -> None:
        await raw.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
        await reader.read()

    timeouts = Timeouts(connect=5.0, first_byte=0.3, between_bytes=60.0)
    async with (
        raw_server(serve) as raw,
        upstream.send(provider_at(raw.origin, timeouts=timeouts), "/", b"{}", {}) as answer,
    ):
        assert isinstance((await gather(answer))[1], UpstreamSilent)


async def test_an_answer_has_a_time_in_all(upstream: Upstream) -> None:
    """However steadily it flows; what came before is given out."""
    total_seconds = 0.5
    began = asyncio.get_running_loop().time()

    async def serve(raw: Raw, reader: Any, writer: Any) -> None:
        await raw.request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
        while not reader.at_eof():
            writer.write(b"a")
            await asyncio.sleep(0.02)

    timeouts = Timeouts(connect=5.0, first_byte=60.0, between_bytes=60.0, total=total_seconds)
    async with (
        raw_server(serve) as raw,
        upstream.send(provider_at(raw.origin, timeouts=timeouts), "/", b"{}", {}) as answer,
    ):
        got, failure = await gather(answer)
    assert asyncio.get_running_loop().time() - began >= total_seconds
    assert set(got) == {ord("a")}
    assert isinstance(failure, UpstreamSilent)
    assert "longer than a call may last" in failure.message


async def test_the_head_of_an_answer_is_part_of_that_time(upstream: Upstream) -> None:
    """Who answers nothing at all is waited for no longer."""

    async def serve(raw: Raw, reader: Any, _writer: Any) -> None:
        await raw.request(reader)
        await reader.read()

    timeouts = Timeouts(connect=5.0, first_byte=60.0, between_bytes=60.0, total=0.2)
    async with raw_server(serve) as raw:
        with pytest.raises(UpstreamSilent, match="longer than a call may last"):
            async with upstream.send(provider_at(raw.origin, timeouts=timeouts), "/", b"{}", {}):
                pass
