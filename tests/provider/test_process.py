"""The far end as a process: the official SDK is content with it, and its account is true."""

import asyncio
import os
from collections.abc import AsyncIterator

import openai
import pytest
from aiohttp import ClientPayloadError

from tests.provider.process import ProviderProcess, provider_process

CALL = {"messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
async def far_end() -> AsyncIterator[ProviderProcess]:
    """Give a far end that wants a key."""
    async with provider_process(key="far-key") as process:
        yield process


@pytest.fixture
async def sdk(far_end: ProviderProcess) -> AsyncIterator[openai.AsyncOpenAI]:
    """Give the official client of it."""
    async with openai.AsyncOpenAI(api_key="far-key", base_url=far_end.base_url, max_retries=0) as client:
        yield client


async def test_the_sdk_gets_answers(sdk: openai.AsyncOpenAI, far_end: ProviderProcess) -> None:
    """Chat, completions, embeddings and models parse, and the log agrees with the usage."""
    chat = await sdk.chat.completions.create(model="m:tokens-5", **CALL)
    plain = await sdk.completions.create(model="m:tokens-3", prompt="hello")
    vectors = await sdk.embeddings.create(model="ok", input=["a", "b"])
    assert {"ok"} <= {model.id async for model in sdk.models.list()}
    assert (chat.usage.completion_tokens, plain.usage.completion_tokens, len(vectors.data)) == (5, 3, 2)
    served = await far_end.served()
    assert (served["requests"], served["completion_tokens"], served["finished"]) == (3, 8, 3)
    assert served["prompt_tokens"] == chat.usage.prompt_tokens + plain.usage.prompt_tokens + vectors.usage.prompt_tokens


async def test_the_sdk_gets_streams(sdk: openai.AsyncOpenAI, far_end: ProviderProcess) -> None:
    """A stream split at every 7 bytes with CRLF and pings is read whole."""
    stream = await sdk.chat.completions.create(
        model="m:tokens-5.chunk-7.crlf.ping", stream=True, stream_options={"include_usage": True}, **CALL
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].usage.completion_tokens == 5
    (entry,) = await far_end.log()
    assert (entry["outcome"], entry["completion_tokens"], entry["stream"]) == ("finished", 5, True)
    assert dict(entry["headers"])["Authorization"] == "Bearer far-key"


async def test_a_client_that_leaves_stops_the_generation(sdk: openai.AsyncOpenAI, far_end: ProviderProcess) -> None:
    """What was written until then is in the log, and no more."""
    stream = await sdk.chat.completions.create(model="m:tokens-5000.delay-1", stream=True, **CALL)
    await anext(aiter(stream))
    await stream.close()
    await far_end.settled()
    (entry,) = await far_end.log()
    assert entry["outcome"] == "left"
    assert entry["completion_tokens"] < 5000


@pytest.mark.parametrize("model", ["m:cut-400", "m:fin-400"])
async def test_a_cut_is_a_cut(model: str, far_end: ProviderProcess) -> None:
    """The answer is a 200 whose body ends too early, and the log says so."""
    headers, body = {"Authorization": "Bearer far-key"}, {"model": model, "stream": True, **CALL}
    async with far_end.session.post(f"{far_end.base_url}/chat/completions", json=body, headers=headers) as answer:
        with pytest.raises(ClientPayloadError):
            await answer.read()
    assert (await far_end.served())["cut"] == 1


async def test_errors_are_openai_errors(sdk: openai.AsyncOpenAI, far_end: ProviderProcess) -> None:
    """A status, its Retry-After, a wrong key and a misspelt directive surface as the SDK's classes."""
    with pytest.raises(openai.RateLimitError) as caught:
        await sdk.chat.completions.create(model="m:status-429.retry-3", **CALL)
    assert caught.value.response.headers["Retry-After"] == "3"
    with pytest.raises(openai.AuthenticationError):
        await sdk.with_options(api_key="wrong").chat.completions.create(model="ok", **CALL)
    with pytest.raises(openai.BadRequestError):
        await sdk.chat.completions.create(model="m:nonsense", **CALL)
    assert (await far_end.served())["prompt_tokens"] == 0


async def test_many_streams_at_once(sdk: openai.AsyncOpenAI, far_end: ProviderProcess) -> None:
    """256 concurrent streams are served and counted exactly."""

    async def one() -> int:
        stream = await sdk.chat.completions.create(model="m:tokens-10.delay-1", stream=True, **CALL)
        return sum([1 async for chunk in stream if chunk.choices and chunk.choices[0].delta.content])

    assert await asyncio.gather(*(one() for _ in range(256))) == [10] * 256
    served = await far_end.settled()
    assert (served["finished"], served["completion_tokens"]) == (256, 2560)
    await far_end.reset()
    assert (await far_end.served())["requests"] == 0


async def test_the_process_ends_with_its_context() -> None:
    """Nothing is left behind."""
    async with provider_process() as process:
        os.kill(process.pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(process.pid, 0)


async def test_an_answer_waits_at_the_gate(sdk: openai.AsyncOpenAI, far_end: ProviderProcess) -> None:
    """A stream stops after its tokens, another answer does not begin, until the gate is opened."""
    stream = await sdk.chat.completions.create(model="m:tokens-5.gate-2", stream=True, **CALL)
    chunks = aiter(stream)
    assert [(await anext(chunks)).choices[0].delta.content for _ in range(3)] == ["", " the", " of"]
    whole = asyncio.ensure_future(sdk.chat.completions.create(model="m:tokens-5.gate-0", **CALL))
    while (await far_end.served())["running"] < 2:  # noqa: ASYNC110 - another process cannot set an Event
        await asyncio.sleep(0.01)
    assert [entry["completion_tokens"] for entry in await far_end.log()] == [2, 0]
    async with far_end.session.post(f"{far_end.origin}/_open"):
        await whole
    assert len([chunk async for chunk in chunks]) == 4
    assert (await far_end.settled())["completion_tokens"] == 10
