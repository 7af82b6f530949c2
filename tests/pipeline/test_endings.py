"""Every way a call can end: what the client is told, what is charged beside the provider's account, what is logged."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import pytest
from structlog.testing import capture_logs

from tests.gateways import PROVIDER_SECRET, Client, Limits
from tests.pipeline.conftest import OpenGateway
from tests.pipeline.scripted import PROMPT_TOKENS, Turn, frame, scripted_provider
from tests.provider.process import ProviderProcess

IMPATIENT = Limits(timeouts="{connect: 2, first_byte: 0.4, between_bytes: 0.4}")


class Seen(NamedTuple):
    """What the client got: its status, and how the answer ended, in a word."""

    status: int
    ending: str


class Ended(NamedTuple):
    """A call that has ended: what the client got, what was charged and what the log says of it."""

    seen: Seen
    body: bytes
    used: int
    line: dict[str, Any]


def ending(body: bytes, *, stream: bool) -> str:
    """Name the end of an answer: `[DONE]`, an error's code, `eof`; of one in one piece: `whole` or the error's code."""
    if stream and b"data: " in body:
        *before, last = (line.removeprefix(b"data: ") for line in body.splitlines() if line.startswith(b"data: "))
        assert not any("error" in json.loads(data) for data in before)
        if last == b"[DONE]":
            return "[DONE]"
        error = json.loads(last).get("error")
        return error["code"] if error else "eof"
    answer = json.loads(body)
    return answer["error"]["code"] or answer["error"]["message"] if "error" in answer else "whole"


async def ended(client: Client, script: str, *, stream: bool) -> Ended:
    """Make a call and wait for all that follows from it."""
    with capture_logs() as logs:
        async with client.chat(f"m:{script}", **({"stream": True} if stream else {})) as answer:
            body = await answer.read()
        used, held = await client.company()
        while not (lines := [line for line in logs if line["event"] == "call"]):  # noqa: ASYNC110 - a log sets no Event
            await asyncio.sleep(0.01)
    assert held == 0
    assert [line["log_level"] for line in logs] == ["info"]
    return Ended(Seen(answer.status, ending(body, stream=stream)), body, used, lines[0])


# ---------------------------------------------------------------- charged exactly

EXACT = [
    ("tokens-12", "both"),
    ("tokens-12.cached-4", "both"),
    ("tokens-12.crlf.ping", "stream"),
    ("tokens-12.nodone", "stream"),
    ("tokens-12.tools", "both"),
    ("tokens-12.think-30", "both"),
    ("tokens-12.usage-always", "both"),
    ("tokens-12.usage-null-after", "both"),
    ("tokens-12.usage-continuous", "both"),
    ("tokens-12.usage-groq", "both"),
    ("tokens-12.usage-finish", "both"),
    ("tokens-12.gzip", "both"),
    ("tokens-12.deflate", "both"),
    ("tokens-0", "both"),
    ("tokens-200", "both"),
]


@pytest.mark.parametrize(
    ("script", "stream"),
    [
        (script, stream == "stream")
        for script, kind in EXACT
        for stream in ("whole", "stream")
        if kind in ("both", stream)
    ],
)
async def test_a_reported_usage_is_charged_exactly(
    open_gateway: OpenGateway, far: ProviderProcess, script: str, stream: bool
) -> None:
    """An answer that ends well and reports its usage, wherever and however, is charged as the provider counts it."""
    client = await open_gateway()
    seen, body, used, line = await ended(client, script, stream=stream)
    (entry,) = await far.log()
    assert used == entry["prompt_tokens"] + entry["completion_tokens"] > 0
    assert seen == Seen(200, ("eof" if "nodone" in script else "[DONE]") if stream else "whole")
    assert (line["status"], line["outcome"], line["estimated"]) == (200, "ok", False)
    assert (line["input_tokens"], line["output_tokens"]) == (entry["prompt_tokens"], entry["completion_tokens"])
    assert PROVIDER_SECRET.encode() not in body


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("script", "charged"), [("usage-zero", 0), ("usage-wrong", 2)])
async def test_the_providers_number_wins(open_gateway: OpenGateway, script: str, charged: int, stream: bool) -> None:
    """A usage that the provider reports is charged even where we would count another: an explicit zero is a zero."""
    client = await open_gateway()
    assert (await ended(client, script, stream=stream)).used == charged


# ---------------------------------------------------------------- charged by an estimate


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("script", ["usage-none", "usage-null", "usage-junk", "usage-none.tools", "usage-none.gzip"])
async def test_a_silent_provider_is_counted(
    open_gateway: OpenGateway, far: ProviderProcess, script: str, stream: bool
) -> None:
    """An answer without a credible usage is counted, not below the truth, within the hold, and marked as estimated."""
    client = await open_gateway()
    seen, _, used, line = await ended(client, f"tokens-12.{script}", stream=stream)
    (entry,) = await far.log()
    assert entry["prompt_tokens"] + entry["completion_tokens"] <= used <= line["held_tokens"]
    assert seen == Seen(200, "[DONE]" if stream else "whole")
    assert (line["outcome"], line["estimated"]) == ("ok", True)


@pytest.mark.parametrize("stream", [False, True])
async def test_nonsense_is_counted_by_its_bytes(open_gateway: OpenGateway, stream: bool) -> None:
    """Frames or a body that are not JSON pass to the client and are charged as if all of it were text."""
    client = await open_gateway()
    with capture_logs() as logs:
        async with client.chat("m:badjson", stream=stream) as answer:
            body = await answer.read()
        used, held = await client.company()
    assert (answer.status, held) == (200, 0)
    assert b"{not json" in body
    assert used >= PROMPT_TOKENS + (3 if stream else 9)
    assert [line["outcome"] for line in logs] == ["ok"]


BROKEN_STREAMS = [
    ("cut-900", "upstream_broken"),
    ("cut-0", "upstream_broken"),
    ("fin-900", "upstream_broken"),
    ("stall-900", "upstream_timeout"),
    ("stall-0", "upstream_timeout"),
    ("cut-300.gzip", "upstream_broken"),
    ("cut-900.usage-continuous", "upstream_broken"),
    ("error-5", "overloaded"),
    ("error-0", "overloaded"),
    ("error-5.usage-continuous", "overloaded"),
]


@pytest.mark.parametrize(("script", "code"), BROKEN_STREAMS)
async def test_a_stream_that_breaks_is_charged_for_what_came(
    open_gateway: OpenGateway, far: ProviderProcess, script: str, code: str
) -> None:
    """A stream that breaks or reports an error ends in an error event; the prompt and what had come are charged."""
    client = await open_gateway(IMPATIENT)
    seen, _, used, line = await ended(client, script, stream=True)
    (entry,) = await far.log()
    assert seen == Seen(200, code)
    assert entry["prompt_tokens"] + entry["completion_tokens"] <= used <= line["held_tokens"]
    assert (line["status"], line["estimated"]) == (200, True)
    assert line["outcome"] == ("upstream_error" if "error" in script else code)


UNANSWERED = [
    ("silent", 504, "upstream_timeout"),
    ("garbage", 502, "upstream_broken"),
    ("br", 502, "upstream_broken"),
]


@pytest.mark.parametrize(("script", "status", "code"), UNANSWERED)
async def test_a_stream_that_never_came_is_charged_for_its_prompt(
    open_gateway: OpenGateway, script: str, status: int, code: str
) -> None:
    """A streamed call that was sent and not answered is told as 502 or 504, and its prompt is charged."""
    client = await open_gateway(IMPATIENT)
    seen, _, used, line = await ended(client, script, stream=True)
    assert seen == Seen(status, code)
    assert PROMPT_TOKENS <= used == line["input_tokens"]
    assert (line["status"], line["outcome"], line["output_tokens"], line["estimated"]) == (status, code, 0, True)


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        *UNANSWERED,
        ("stall-0", 504, "upstream_timeout"),
        ("stall-40", 504, "upstream_timeout"),
        ("cut-0", 502, "upstream_broken"),
        ("cut-40", 502, "upstream_broken"),
        ("fin-40", 502, "upstream_broken"),
        ("cut-40.gzip", 502, "upstream_broken"),
        ("bomb-80", 502, "upstream_broken"),
    ],
)
async def test_an_answer_that_never_came_costs_its_hold(
    open_gateway: OpenGateway, script: str, status: int, code: str
) -> None:
    """A call in one piece that was sent and not answered in full is told as 502 or 504, and all of its hold charged."""
    client = await open_gateway(IMPATIENT)
    seen, _, used, line = await ended(client, script, stream=False)
    assert seen == Seen(status, code)
    assert used == line["held_tokens"] > 64
    assert (line["status"], line["outcome"], line["estimated"]) == (status, code, True)


async def test_a_stream_answered_in_one_broken_piece_costs_its_hold(open_gateway: OpenGateway) -> None:
    """Where a stream was asked for and one piece came, which broke, nobody saw what was in it: the hold is charged."""
    client = await open_gateway(IMPATIENT)
    seen, _, used, line = await ended(client, "bomb-80", stream=True)
    assert seen == Seen(502, "upstream_broken")
    assert used == line["held_tokens"]


# ---------------------------------------------------------------- not charged


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("status", [400, 401, 404, 422, 429, 500, 503, 529])
async def test_a_refusal_is_free_and_in_the_providers_words(
    open_gateway: OpenGateway, status: int, stream: bool
) -> None:
    """What a provider answers with 4xx or 5xx passes as it is, costs nothing, and holds nothing."""
    client = await open_gateway()
    seen, _, used, line = await ended(client, f"status-{status}.retry-7", stream=stream)
    assert seen == Seen(status, "The far end was told to fail.")
    assert used == 0
    assert (line["status"], line["outcome"]) == (status, "upstream_refused")
    assert "input_tokens" not in line


async def test_a_refusals_retry_after_passes(open_gateway: OpenGateway) -> None:
    """The provider's own Retry-After reaches the client."""
    client = await open_gateway()
    async with client.chat("m:status-429.retry-7") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "7")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_redirect_is_free_and_not_followed(
    open_gateway: OpenGateway, far: ProviderProcess, stream: bool
) -> None:
    """A provider that sends us elsewhere is told as 502, is asked once, and costs nothing."""
    client = await open_gateway()
    seen, _, used, line = await ended(client, f"redirect-{far.port}", stream=stream)
    assert (seen, used, line["outcome"]) == (Seen(502, "upstream_broken"), 0, "upstream_broken")
    assert (await far.served())["requests"] == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_an_unreachable_provider_is_free(open_gateway: OpenGateway, unused_tcp_port: int, stream: bool) -> None:
    """A provider where nothing listens is told as 502 and costs nothing: no byte of the request was sent."""
    client = await open_gateway(base_url=f"http://127.0.0.1:{unused_tcp_port}/v1")
    seen, _, used, line = await ended(client, "", stream=stream)
    assert (seen, used) == (Seen(502, "upstream_unreachable"), 0)
    assert (line["status"], line["outcome"]) == (502, "upstream_unreachable")


# ---------------------------------------------------------------- without an end

SHORT = Limits(timeouts="{connect: 2, first_byte: 60, between_bytes: 60, total: 0.5}")


async def test_a_stream_without_an_end_is_cut_and_charged_for_what_came(open_gateway: OpenGateway) -> None:
    """A provider that pings for ever keeps its call for `total` seconds: then the client is told as of one that stalls.

    The prompt and what had come are charged.
    """
    is_left = asyncio.Event()

    async def speak(turn: Turn) -> None:
        try:
            await turn.say(frame(" a") * 7)
            while True:
                await turn.say(b": ping\n\n")
                await asyncio.sleep(0.02)
        finally:
            is_left.set()

    async with scripted_provider(speak) as base_url:
        client = await open_gateway(SHORT, base_url)
        seen, body, used, line = await ended(client, "", stream=True)
        await is_left.wait()
    assert seen == Seen(200, "upstream_timeout")
    assert b"took longer than a call may last" in body
    assert PROMPT_TOKENS + 7 <= used == line["input_tokens"] + line["output_tokens"] < line["held_tokens"]
    assert (line["status"], line["outcome"], line["estimated"]) == (200, "upstream_timeout", True)


async def test_an_answer_without_an_end_costs_its_hold(open_gateway: OpenGateway) -> None:
    """A provider that drips an answer in one piece for ever is a 504, and all of the hold is charged."""
    is_left = asyncio.Event()

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999\r\n\r\n")
        gone = asyncio.ensure_future(reader.read())
        while not gone.done():
            writer.write(b" ")
            await asyncio.sleep(0.02)
        writer.close()
        is_left.set()

    async with await asyncio.start_server(drip, "127.0.0.1", 0) as far:
        client = await open_gateway(SHORT, f"http://127.0.0.1:{far.sockets[0].getsockname()[1]}/v1")
        seen, body, used, line = await ended(client, "", stream=False)
        await is_left.wait()
    assert seen == Seen(504, "upstream_timeout")
    assert b"took longer than a call may last" in body
    assert used == line["held_tokens"] > 64
    assert (line["status"], line["outcome"], line["estimated"]) == (504, "upstream_timeout", True)


# ---------------------------------------------------------------- closed before the headers


@asynccontextmanager
async def closing_provider() -> AsyncIterator[str]:
    """Give the base URL of a provider that reads a request and hangs up."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_provider_that_hangs_up_without_a_word_is_charged(open_gateway: OpenGateway, stream: bool) -> None:
    """A connection closed before the headers is 502; the request had been sent: the prompt, or the hold, is charged."""
    async with closing_provider() as base_url:
        client = await open_gateway(base_url=base_url)
        seen, _, used, line = await ended(client, "", stream=stream)
    assert seen == Seen(502, "upstream_broken")
    assert used == (line["input_tokens"] if stream else line["held_tokens"]) >= PROMPT_TOKENS


# ---------------------------------------------------------------- the other endpoints


@pytest.mark.parametrize(
    ("path", "body", "completion_tokens"),
    [
        ("/v1/completions", {"model": "m:tokens-5", "prompt": "hello there"}, 5),
        ("/v1/completions", {"model": "m:tokens-5", "prompt": ["hello", "there"], "n": 2}, None),
        ("/v1/embeddings", {"model": "m:", "input": ["hello", "there you"]}, 0),
        ("/v1/embeddings", {"model": "m:", "input": [1, 2, 3]}, 0),
    ],
)
async def test_each_endpoint_is_charged_exactly(
    open_gateway: OpenGateway, far: ProviderProcess, path: str, body: dict[str, Any], completion_tokens: int | None
) -> None:
    """Completions and embeddings are charged as the provider counts them."""
    client = await open_gateway()
    async with client.post(path, body) as answer:
        assert answer.status == 200, await answer.text()
        reported = (await answer.json())["usage"]
    assert await client.company() == (reported["total_tokens"], 0)
    (entry,) = await far.log()
    assert entry["prompt_tokens"] + entry["completion_tokens"] == reported["total_tokens"]
    assert completion_tokens in (None, entry["completion_tokens"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/completions", {"model": "m:usage-none", "prompt": "hello there"}),
        ("/v1/embeddings", {"model": "m:usage-none", "input": "hello there"}),
    ],
)
async def test_each_endpoint_is_counted_where_the_provider_is_silent(
    open_gateway: OpenGateway, far: ProviderProcess, path: str, body: dict[str, Any]
) -> None:
    """Completions and embeddings without a usage are counted, not below the truth."""
    client = await open_gateway()
    async with client.post(path, body) as answer:
        assert answer.status == 200, await answer.text()
    used, held = await client.company()
    (entry,) = await far.log()
    assert (used >= entry["prompt_tokens"] + entry["completion_tokens"] > 0, held) == (True, 0)
