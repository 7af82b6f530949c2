"""Many exchanges at once: every caller gets its own answer, whatever the others do."""

import asyncio
import random

import pytest

from gateway.errors import UpstreamSilent
from gateway.model import Timeouts
from gateway.upstream import Upstream
from tests.provider.process import ProviderProcess
from tests.upstream.conftest import Ask, provider_at
from tests.upstream.raw import OK, Raw, raw_server

CALLERS = 64
CANCELS = 1000


async def converse(ask: Ask, marker: str, *, stream: bool) -> str:
    """Ask for an echo of the marker and give what came."""
    async with ask("m:echo.tokens-3.delay-1", marker, stream=stream) as answer:
        return (await answer.read(100_000)).decode()


async def test_concurrent_exchanges_do_not_mix(ask: Ask, far_end: ProviderProcess) -> None:
    """64 at once, four times over, on kept connections."""
    for turn in range(4):
        markers = [f"marker-{turn}-{caller}-end" for caller in range(CALLERS)]
        answers = await asyncio.gather(*(converse(ask, marker, stream=bool(turn % 2)) for marker in markers))
        for marker, answer in zip(markers, answers, strict=True):
            assert marker in answer
            assert answer.count("marker-") == 1
    assert (await far_end.settled())["finished"] == 4 * CALLERS


async def test_cancelled_exchanges_do_not_mix(ask: Ask) -> None:
    """A thousand cancellations at random moments; nobody ever reads bytes of another's answer."""
    chance = random.Random(7)
    own = foreign = cancelled = 0

    async def caller(name: int) -> None:
        nonlocal own, foreign, cancelled
        turn = 0
        while cancelled < CANCELS:
            turn += 1
            marker = f"marker-{name}-{turn}-end"
            task = asyncio.create_task(converse(ask, marker, stream=chance.random() < 0.5))
            done, _ = await asyncio.wait({task}, timeout=chance.random() * 0.2)
            if not done:
                task.cancel()
                cancelled += 1
                await asyncio.wait({task})
                continue
            own += marker in task.result()
            foreign += task.result().count("marker-") != 1 or marker not in task.result()

    await asyncio.gather(*(caller(name) for name in range(CALLERS)))
    assert foreign == 0
    assert own > 0


@pytest.mark.parametrize("wait", ["kept", "asked"])
async def test_each_exchange_has_its_own_time(upstream: Upstream, wait: str) -> None:
    """When the time of an earlier one is over, its connection stays, kept or asked again; a later one may have less."""
    first_seconds = 1.0

    async def answer_two_of_three(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw.request(reader)
        writer.write(OK)
        await raw.request(reader)
        await asyncio.sleep(1.2 * first_seconds if wait == "asked" else 0)
        writer.write(OK)
        await reader.read()

    async def answer(raw: Raw, first_byte: float) -> bytes:
        provider = provider_at(raw.origin, timeouts=Timeouts(first_byte=first_byte))
        async with upstream.send(provider, "/", b"{}", {}) as answer:
            return await answer.read(10)

    async with raw_server(answer_two_of_three) as raw:
        assert await answer(raw, first_seconds) == b"ok"
        await asyncio.sleep(1.2 * first_seconds if wait == "kept" else 0)
        assert await answer(raw, 60.0) == b"ok"
        with pytest.raises(UpstreamSilent):
            await answer(raw, 0.3)
        assert raw.connections == 1


async def test_an_answer_nobody_asked_for_reaches_nobody(upstream: Upstream) -> None:
    """A second answer that arrives on an idle connection is thrown away with it."""
    said_more = asyncio.Event()

    async def answer_twice(raw: Raw, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await raw.request(reader)
        writer.write(OK)
        await more.wait()
        writer.write(OK.replace(b"ok", b"no"))
        await writer.drain()
        said_more.set()
        await reader.read()

    async with raw_server(answer_twice) as raw:
        for turn in range(1, 4):
            more = asyncio.Event()
            async with upstream.send(provider_at(raw.origin), "/", b"{}", {}) as answer:
                assert await answer.read(10) == b"ok"
            more.set()
            await said_more.wait()
            said_more.clear()
            await asyncio.sleep(0.05)  # client and server share this loop: the bytes are in by now
            assert raw.connections == turn
