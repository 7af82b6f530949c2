"""The demo model through the official SDK and through the gateway's own client."""

import asyncio
import threading
from collections.abc import AsyncIterator

import msgspec
import openai
import pytest
from aiohttp import ClientSession

from gateway.demo import demo_server
from gateway.model import Provider
from gateway.upstream import Upstream
from tests.provider.counting import count

CALL = {"messages": [{"role": "user", "content": "hello"}]}


@pytest.fixture
async def base_url() -> AsyncIterator[str]:
    """Give the address of a demo model that does not dawdle."""
    async with demo_server(count, word_seconds=0) as url:
        yield url


@pytest.fixture
async def sdk(base_url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    """Give the official client of it."""
    async with openai.AsyncOpenAI(api_key="any", base_url=base_url, max_retries=0) as client:
        yield client


async def test_the_sdk_is_content(sdk: openai.AsyncOpenAI) -> None:
    """Chat with tools, completions and embeddings (base64 by default) parse, with usage."""
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    chat = await sdk.chat.completions.create(model="demo", tools=tools, **CALL)
    plain = await sdk.completions.create(model="demo", prompt="hello", max_tokens=5)
    vectors = await sdk.embeddings.create(model="demo", input=["a", "b"], dimensions=4)
    assert chat.usage.completion_tokens == count(chat.choices[0].message.content)
    assert (plain.usage.completion_tokens, plain.choices[0].finish_reason) == (5, "length")
    assert [len(item.embedding) for item in vectors.data] == [4, 4]


async def test_the_sdk_gets_a_stream(sdk: openai.AsyncOpenAI) -> None:
    """Word by word, usage at the end when asked for."""
    asked = {"stream_options": {"include_usage": True}}
    chunks = [
        chunk async for chunk in await sdk.chat.completions.create(model="demo", stream=True, extra_body=asked, **CALL)
    ]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert chunks[-1].usage.completion_tokens == count(text)
    assert len(chunks) > 50


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"model":1}', b'{"model":"demo","messages":[1]}'])
async def test_nonsense_is_a_400(base_url: str, body: bytes) -> None:
    """In OpenAI's error shape."""
    async with ClientSession() as session, session.post(f"{base_url}/chat/completions", data=body) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["type"] == "invalid_request_error"


async def test_the_gateway_reaches_it() -> None:
    """Through the upstream room, streamed with its pauses, each word on its own."""
    async with demo_server(count) as url, Upstream() as upstream:
        provider = Provider(name="demo", dialect="demo", base_url=url)
        body = msgspec.json.encode({"model": "demo", "stream": True, "max_tokens": 8, **CALL})
        async with upstream.send(provider, "/chat/completions", body, {}) as answer:
            pieces = [piece async for piece in answer.chunks()]
    assert len(pieces) > 4
    assert b"".join(pieces).endswith(b"data: [DONE]\n\n")


async def test_a_long_prompt_does_not_hold_up_the_loop(sdk: openai.AsyncOpenAI) -> None:
    """A megabyte is counted aside: the loop runs while the count waits for it."""
    counting, seen = threading.Event(), threading.Event()

    def count_slowly(text: str) -> int:
        counting.set()
        assert seen.wait(30)
        return 1

    async with demo_server(count_slowly, word_seconds=0) as url:
        long = {"messages": [{"role": "user", "content": "a " * 600_000}]}
        call = asyncio.create_task(sdk.with_options(base_url=url).chat.completions.create(model="demo", **long))
        while not counting.is_set():  # noqa: ASYNC110 - a thread sets it
            await asyncio.sleep(0.01)
        seen.set()
        assert (await call).usage.prompt_tokens == 3 + 3 + 1 + 1


async def test_nothing_listens_after_the_end() -> None:
    """The port closes with the context, also under an open stream."""
    async with demo_server(count) as url, ClientSession() as session:
        answer = await session.post(f"{url}/chat/completions", json={"model": "demo", "stream": True, **CALL})
        assert answer.status == 200
        answer.close()
    host, port = url.removeprefix("http://").removesuffix("/v1").split(":")
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(host, int(port))
