"""What a stream's client sees, byte by byte: the provider's own frames, without the usage that only we asked for."""

import json
import re
from typing import Any

import pytest

from tests.gateways import PROVIDER_SECRET, Client
from tests.pipeline.conftest import OpenGateway
from tests.pipeline.raw import as_user
from tests.pipeline.scripted import PROMPT_TOKENS
from tests.provider.process import ProviderProcess

SCRIPTS = [
    "",
    "crlf",
    "ping",
    "nodone",
    "tools",
    "think-20",
    "gzip",
    "usage-none",
    "usage-null",
    "usage-zero",
    "usage-always",
    "usage-null-after",
    "usage-continuous",
    "usage-groq",
    "usage-finish",
    "error-2",
]
OPTIONS: dict[str, dict[str, Any]] = {
    "not asked": {},
    "asked": {"stream_options": {"include_usage": True}},
    "declined": {"stream_options": {"include_usage": False}},
    "options without it": {"stream_options": {}},
    "null": {"stream_options": None},
}
MESSAGES = [{"role": "user", "content": "Hello there"}]


async def direct(far: ProviderProcess, model: str) -> bytes:
    """Give what the provider sends to one who asks it for the usage."""
    body = {"model": model, "messages": MESSAGES, "stream": True, **OPTIONS["asked"]}
    headers = {"Authorization": f"Bearer {PROVIDER_SECRET}"}
    async with far.session.post(f"{far.base_url}/chat/completions", json=body, headers=headers) as answer:
        return same(await answer.read())


async def through(client: Client, model: str, number: int = 1, **fields: Any) -> bytes:
    """Give what a client of the gateway gets."""
    async with client.chat(model, stream=True, headers=as_user(number), **fields) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")
        return same(await answer.read())


def same(stream: bytes) -> bytes:
    """Give a stream without what differs from call to call: its id and the name of its script."""
    return re.sub(rb'"(id|model)":"[^"]*"', rb'"\1":""', stream)


def without_usage_frame(stream: bytes) -> bytes:
    """Drop each frame that holds a usage and nothing else."""
    frames = re.findall(rb".*?\r?\n\r?\n", stream, re.DOTALL)
    return b"".join(one for one in frames if not re.search(rb'"choices":\[\],"usage":\{', one))


@pytest.mark.parametrize("asked", OPTIONS)
async def test_the_client_sees_the_providers_bytes(open_gateway: OpenGateway, far: ProviderProcess, asked: str) -> None:
    """A client that asked for usage gets the provider's bytes; one that did not gets them without the usage frame."""
    client = await open_gateway()
    for script in SCRIPTS:
        expected = await direct(far, f"m:tokens-5.{script}")
        if asked != "asked":
            expected = without_usage_frame(expected)
        assert await through(client, f"m:tokens-5.{script}", **OPTIONS[asked]) == expected, script
    assert (await client.company())[1] == 0


@pytest.mark.parametrize("asked", OPTIONS)
async def test_the_provider_is_always_asked(open_gateway: OpenGateway, far: ProviderProcess, asked: str) -> None:
    """Whatever a stream's client says about usage, the provider is asked for it; other options pass."""
    client = await open_gateway()
    options = OPTIONS[asked].get("stream_options") or {}
    await through(client, "m:", stream_options={**options, "include_obfuscation": False})
    await through(client, "m:", **OPTIONS[asked])
    sent = [json.loads(entry["body"])["stream_options"] for entry in await far.log()]
    assert sent == [{"include_obfuscation": False, "include_usage": True}, {"include_usage": True}]


@pytest.mark.parametrize("script", ["crlf.ping", "usage-continuous", "usage-groq", "tools.usage-none", "error-3"])
@pytest.mark.parametrize("asked", ["asked", "not asked"])
async def test_no_split_of_the_bytes_makes_a_difference(
    open_gateway: OpenGateway, far: ProviderProcess, script: str, asked: str
) -> None:
    """However the provider's bytes are cut into pieces, the client gets the same ones and is charged the same."""
    client = await open_gateway()
    sizes = range(41)  # 0: a frame at a time
    got = [
        await through(client, f"m:tokens-5.{script}.chunk-{size:03}", size, max_tokens=40, **OPTIONS[asked])
        for size in sizes
    ]
    assert set(got) == {got[0]}
    charged = {(await client.budgets(**as_user(size)))["user-daily"]["used"] for size in sizes}
    truth = (await far.log())[0]
    assert len(charged) == 1
    assert charged.pop() >= truth["prompt_tokens"] + truth["completion_tokens"] > PROMPT_TOKENS
