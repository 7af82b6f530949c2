"""A client that hangs up, at any byte: the prompt and what was produced are charged, and nothing stays held."""

import asyncio
import json
import re
from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar

import pytest
from structlog.testing import capture_logs

from tests.gateways import Client, Limits
from tests.pipeline.conftest import OpenGateway
from tests.pipeline.raw import as_user, ask, asked, chat_body, guid, leave, leave_after, until_nothing_is_held
from tests.pipeline.scripted import DONE, PROMPT_TOKENS, Turn, frame, scripted_provider, usage, usage_frame
from tests.provider.counting import WORDS
from tests.provider.process import ProviderProcess

T = TypeVar("T")

AT_ONCE = 8
WAITING = "{connect: 2, first_byte: 0.4, between_bytes: 0.4}"


async def some_at_once(work: Iterable[Awaitable[T]]) -> list[T]:
    """Carry out work, some of it at the same time."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(piece: Awaitable[T]) -> T:
        async with gate:
            return await piece

    return await asyncio.gather(*map(one, work))


async def until_asked(far: ProviderProcess, requests: int = 1) -> None:
    """Wait until the far end has so many requests."""
    while (await far.served())["requests"] < requests:  # noqa: ASYNC110 - another process cannot set an Event
        await asyncio.sleep(0.01)


async def until_logged(logs: list[Any], calls: int) -> None:
    """Wait for the lines of so many calls: they come after the charges."""
    while sum(line["event"] == "call" for line in logs) < calls:  # noqa: ASYNC110 - a log sets no Event
        await asyncio.sleep(0.01)


async def used_by(client: Client, number: int) -> int:
    """Give what a user was charged, and see that nothing is held for it."""
    quota = (await client.budgets(**as_user(number)))["user-daily"]
    assert quota["held"] == 0
    return quota["used"]


# ---------------------------------------------------------------- each byte that the client receives


@pytest.mark.parametrize("script", ["tokens-3", "tokens-1.usage-continuous.chunk-50"])
async def test_a_client_that_leaves_after_any_byte_pays(
    open_gateway: OpenGateway, far: ProviderProcess, script: str
) -> None:
    """Wherever a stream's client hangs up, it pays for the prompt and each token it got, at most for what was held."""
    client = await open_gateway()
    body = chat_body(f"m:{script}", stream=True)
    whole = await leave_after(client.url, body, 1 << 20, number=0)
    lengths = range(1, len(whole) + 1)
    with capture_logs() as logs:
        received = await some_at_once(leave_after(client.url, body, k, number=k, orderly=k % 2 == 0) for k in lengths)
        await until_nothing_is_held(client)
        await until_logged(logs, len(lengths))
    held = {line["user"]: line["held_tokens"] for line in logs if line["event"] == "call"}
    for k, got, used in zip(lengths, received, await some_at_once(used_by(client, k) for k in lengths), strict=True):
        least = PROMPT_TOKENS + len(re.findall(rb'"content":" \w+"[^\n]*\n\n', got))
        assert least <= used <= held[guid(k)], k
    assert (await far.settled())["requests"] == len(lengths) + 1
    assert not [line for line in logs if line["log_level"] in {"error", "critical"}]


# ---------------------------------------------------------------- each byte that the provider has sent

TRANSCRIPTS = {
    "no usage until the end": [*map(frame, WORDS[:12]), frame(finish="stop"), usage_frame(12), DONE],
    "usage in each frame": [
        *(frame(word, usage=usage(at)) for at, word in enumerate(WORDS[:5], 1)),
        frame(finish="stop", usage=usage(5)),
        DONE,
    ],
}


@pytest.mark.parametrize("transcript", TRANSCRIPTS.values(), ids=TRANSCRIPTS)
async def test_a_client_that_leaves_pays_for_what_the_provider_had_sent(
    open_gateway: OpenGateway, transcript: list[bytes]
) -> None:
    """A provider that has sent any number of bytes when the client leaves is charged for each whole token in them."""
    sent = b"".join(transcript)

    async def speak(turn: Turn) -> None:
        await turn.say(sent[: turn.body["metadata"]["k"]])
        await asyncio.Event().wait()

    async with scripted_provider(speak) as base_url:
        client = await open_gateway(base_url=base_url)
        lengths = range(len(transcript[0]), len(sent) + 1)
        await some_at_once(leave_when_shown(client, transcript, k) for k in lengths)
        await until_nothing_is_held(client)
        charged = await some_at_once(used_by(client, k) for k in lengths)
    for k, used in zip(lengths, charged, strict=True):
        whole, rest = shown(transcript, k)
        truth = PROMPT_TOKENS + len(re.findall(rb'"content":" ', whole))
        # Of a frame that was cut nobody knows what it held: its bytes may count, as tokens.
        assert truth <= used <= truth + len(rest), k


def shown(transcript: list[bytes], k: int) -> tuple[bytes, bytes]:
    """Give the whole frames within the first bytes, and what is left of those."""
    whole = b""
    for one in transcript:
        if len(whole + one) > k:
            break
        whole += one
    return whole, b"".join(transcript)[len(whole) : k]


async def leave_when_shown(client: Client, transcript: list[bytes], k: int) -> None:
    """Leave when all frames have come that a provider stopping after k bytes makes the gateway show."""
    hidden = (usage_frame(12), DONE)
    expected = b"".join(one for one in transcript if one not in hidden and one in shown(transcript, k)[0])
    body = {"metadata": {"k": k}, "stream": True}
    async with client.chat("gpt-4o-mini", headers=as_user(k), **body) as answer:
        assert await answer.content.readexactly(len(expected)) == expected
        answer.close()


# ---------------------------------------------------------------- before the answer, and in one piece


async def test_a_client_that_leaves_before_the_first_byte_pays_for_the_prompt(
    open_gateway: OpenGateway, far: ProviderProcess
) -> None:
    """A stream's client that leaves while the provider thinks is charged for its prompt, not for an answer."""
    client = await open_gateway()
    _, writer = await ask(client.url, chat_body("m:first-60000", stream=True), number=1)
    await until_asked(far)
    held = (await client.budgets())["company"]["held"]
    leave(writer)
    assert PROMPT_TOKENS <= await until_nothing_is_held(client) < held


@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_a_client_that_leaves_as_the_answer_begins_pays_for_what_had_come(
    open_gateway: OpenGateway, turns: int
) -> None:
    """What the provider said in the very moment in which its client left, before anybody had read it, is charged."""
    has_spoken = asyncio.Event()

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        client_socket.close()
        for _ in range(turns):
            await asyncio.sleep(0)
        said = b"".join(frame(" a") for _ in range(12))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + said)
        has_spoken.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as far:
        client = await open_gateway(base_url=f"http://127.0.0.1:{far.sockets[0].getsockname()[1]}/v1")
        client_socket = asked(client.url, chat_body("gpt-4o-mini", stream=True), number=1)
        await has_spoken.wait()
        await until_nothing_is_held(client)
        assert await used_by(client, 1) == PROMPT_TOKENS + 12


async def test_an_exchange_that_its_client_has_left_is_drained(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """A call in one piece whose client leaves while the provider thinks is charged by the provider's usage exactly."""
    client = await open_gateway()
    _, writer = await ask(client.url, chat_body("m:first-300.tokens-20"), number=1)
    await until_asked(far)
    leave(writer)
    assert await until_nothing_is_held(client) == PROMPT_TOKENS + 20
    assert (await far.settled())["finished"] == 1


@pytest.mark.parametrize("script", ["silent", "stall-0", "stall-40"])
async def test_an_exchange_that_never_ends_costs_its_hold(
    open_gateway: OpenGateway, far: ProviderProcess, script: str
) -> None:
    """A call in one piece whose client has left and whose provider never ends is charged all that was held for it."""
    client = await open_gateway(Limits(timeouts=WAITING))
    _, writer = await ask(client.url, chat_body(f"m:{script}"), number=1)
    await until_asked(far)
    held = (await client.budgets())["company"]["held"]
    leave(writer)
    assert await until_nothing_is_held(client) == held > 64


# ---------------------------------------------------------------- on_disconnect: drain


async def test_a_drained_stream_is_charged_to_its_end(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """With `on_disconnect: drain` the stream is read to its end and charged by the provider's usage exactly."""
    client = await open_gateway(Limits(provider="on_disconnect: drain"))
    await leave_after(client.url, chat_body("m:tokens-20.delay-10", stream=True), 900, number=1)
    assert await until_nothing_is_held(client) == PROMPT_TOKENS + 20
    assert (await far.settled())["finished"] == 1


async def test_a_drained_stream_that_stops_is_charged_for_what_came(open_gateway: OpenGateway) -> None:
    """With `drain`, a stream that stops in the middle is charged for the prompt and for what had come until then."""
    sent = b"".join(map(frame, WORDS[:5]))
    goes_on = asyncio.Event()

    async def speak(turn: Turn) -> None:
        await turn.say(sent)
        await goes_on.wait()
        await turn.say(sent)
        await asyncio.Event().wait()

    async with scripted_provider(speak) as base_url:
        client = await open_gateway(Limits(provider="on_disconnect: drain", timeouts=WAITING), base_url)
        async with client.chat("gpt-4o-mini", stream=True) as answer:
            await answer.content.readexactly(len(sent))
            answer.close()
        goes_on.set()
        assert await until_nothing_is_held(client) == PROMPT_TOKENS + 10


async def test_a_drained_stream_that_has_not_begun_costs_its_hold(
    open_gateway: OpenGateway, far: ProviderProcess
) -> None:
    """With `drain`, a stream that is left before its first byte goes on at the provider: all of the hold is charged."""
    client = await open_gateway(Limits(provider="on_disconnect: drain"))
    _, writer = await ask(client.url, chat_body("m:silent", stream=True), number=1)
    await until_asked(far)
    held = (await client.budgets())["company"]["held"]
    leave(writer)
    assert await until_nothing_is_held(client) == held


# ---------------------------------------------------------------- what the client did not see


async def test_thinking_that_nobody_saw_is_charged(open_gateway: OpenGateway) -> None:
    """A stream of a model that thinks unseen costs its hold when it is left: nobody knows what it had thought."""

    async def speak(turn: Turn) -> None:
        await turn.say(frame(" the"))
        await asyncio.Event().wait()

    async with scripted_provider(speak) as base_url:
        client = await open_gateway(Limits(models='{"*": {reasoning: true}}'), base_url)
        async with client.chat("gpt-4o-mini", stream=True, max_tokens=500) as answer:
            await answer.content.readexactly(len(frame(" the")))
            answer.close()
        assert await until_nothing_is_held(client) == PROMPT_TOKENS + 500


async def test_text_that_is_being_counted_when_the_client_leaves_is_charged(open_gateway: OpenGateway) -> None:
    """A client that leaves while a long text is counted in a thread pays for that text."""
    text = "".join(WORDS[at % len(WORDS)] for at in range(4000))

    async def speak(turn: Turn) -> None:
        await turn.say(frame(text))
        await asyncio.Event().wait()

    async with scripted_provider(speak) as base_url:
        client = await open_gateway(Limits(tranche_tokens=64), base_url)
        lengths = range(20)
        await some_at_once(leave_counting(client, len(frame(text)), k) for k in lengths)
        await until_nothing_is_held(client)
        charged = await some_at_once(used_by(client, k) for k in lengths)
    assert all(used >= PROMPT_TOKENS + 4000 for used in charged), charged


async def leave_counting(client: Client, frame_bytes: int, number: int) -> None:
    body: dict[str, Any] = {"stream": True, "max_tokens": 100_000}
    async with client.chat("gpt-4o-mini", headers=as_user(number), **body) as answer:
        await answer.content.readexactly(frame_bytes)
        answer.close()


async def test_a_client_that_leaves_is_logged_once(open_gateway: OpenGateway) -> None:
    """A call whose client left is one line in the log, with the status 499, that outcome and an estimated usage."""

    async def speak(turn: Turn) -> None:
        await turn.say(frame(" the"))
        await asyncio.Event().wait()

    async with scripted_provider(speak) as base_url:
        client = await open_gateway(base_url=base_url)
        with capture_logs() as logs:
            async with client.chat("gpt-4o-mini", stream=True) as answer:
                await answer.content.readexactly(len(frame(" the")))
                answer.close()
            await until_nothing_is_held(client)
            await until_logged(logs, 1)
    (line,) = logs
    assert (line["status"], line["outcome"], line["estimated"]) == (499, "client_left", True)
    assert (line["input_tokens"], line["output_tokens"]) == (PROMPT_TOKENS, 1)
    assert json.dumps(line)


# ---------------------------------------------------------------- found to have left


@pytest.mark.parametrize("turns", [0, 1, 2])
async def test_a_drained_stream_whose_client_leaves_as_it_begins_is_charged_to_its_end(
    open_gateway: OpenGateway, turns: int
) -> None:
    """Who finds the client gone reads on, also when he is cancelled for it a moment later."""
    has_spoken = asyncio.Event()
    said = b"".join(frame(" a") for _ in range(12))

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        client_socket.close()
        for _ in range(turns):
            await asyncio.sleep(0)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" + said)
        has_spoken.set()
        await asyncio.sleep(0.2)
        writer.write(said + frame(finish="stop") + usage_frame(24) + DONE)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as far:
        base_url = f"http://127.0.0.1:{far.sockets[0].getsockname()[1]}/v1"
        client = await open_gateway(Limits(provider="on_disconnect: drain"), base_url)
        client_socket = asked(client.url, chat_body("gpt-4o-mini", stream=True), number=1)
        await has_spoken.wait()
        await until_nothing_is_held(client)
        assert await used_by(client, 1) == PROMPT_TOKENS + 24
