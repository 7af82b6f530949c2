"""Servers that refuse to be asked for the usage of a stream: asked again without, once, and remembered."""

import json

from tests.gateways import PROVIDER_SECRET, Limits
from tests.pipeline.conftest import OpenGateway
from tests.provider.process import ProviderProcess

WORDS = 7


async def _options(far: ProviderProcess) -> list[object]:
    """Give what each request that reached the far end said of its stream's usage."""
    return [json.loads(entry["body"]).get("stream_options") for entry in await far.log()]


async def test_a_deaf_server_is_asked_again_without(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """The client sees one whole stream; it is charged what was received."""
    client = await open_gateway()
    async with client.chat(f"gpt-4o/m:deaf.tokens-{WORDS}", stream=True) as answer:
        assert answer.status == 200
        assert (await answer.read()).endswith(b"data: [DONE]\n\n")
    assert await _options(far) == [{"include_usage": True}, None]
    served = await far.settled()
    assert await client.company() == (served["prompt_tokens"] + served["completion_tokens"], 0)
    assert served["completion_tokens"] == WORDS


async def test_it_is_remembered(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """Later streams to the same provider cost one request each."""
    client = await open_gateway()
    for _ in range(3):
        async with client.chat("gpt-4o/m:deaf", stream=True) as answer:
            assert answer.status == 200
            await answer.read()
    assert await _options(far) == [{"include_usage": True}, None, None, None]


async def test_a_client_that_asks_itself_hears_the_refusal(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """What the client asked for is not taken away: it gets the provider's own words, and pays nothing."""
    client = await open_gateway()
    async with client.chat("gpt-4o/m:deaf", stream=True, stream_options={"include_usage": True}) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["message"] == "Unknown parameter: 'stream_options'."
    assert await _options(far) == [{"include_usage": True}]
    assert await client.company() == (0, 0)


async def test_another_refusal_is_passed_on_once(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """A 400 for another reason is the provider's answer: not repeated, not charged, and nothing is remembered."""
    client = await open_gateway()
    async with client.chat("gpt-4o/m:status-400", stream=True) as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["message"] == "The far end was told to fail."
    async with client.chat("gpt-4o/m:tokens-1", stream=True) as answer:
        await answer.read()
    assert await _options(far) == [{"include_usage": True}, {"include_usage": True}]


async def test_each_provider_is_remembered_alone(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """That one server is deaf says nothing of another."""
    account = f"dialect: openai, base_url: {far.base_url}, api_key: {PROVIDER_SECRET}"
    client = await open_gateway(Limits(providers=f"  other: {{{account}, models: {{m:tokens-2: {{}}}}}}"))
    for model in ("gpt-4o/m:deaf", "m:tokens-2"):
        async with client.chat(model, stream=True) as answer:
            assert answer.status == 200
            await answer.read()
    assert await _options(far) == [{"include_usage": True}, None, {"include_usage": True}]


async def test_a_client_s_own_words_blind_nobody(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """A refusal that repeats a client's `stream_options`, as a field or as a text, is that client's alone."""
    client = await open_gateway()
    async with client.chat("gpt-4o/m:deaf", stream=True, stream_options={"bogus": 1}) as answer:
        assert answer.status == 400
    async with client.chat("gpt-4o/m:status-400.leak", stream=True, tool_choice="stream_options") as answer:
        assert answer.status == 400
    async with client.chat("gpt-4o/m:tokens-1", stream=True) as answer:
        await answer.read()
    assert (await _options(far))[-1] == {"include_usage": True}
    assert client.app.gateway.mute == set()
