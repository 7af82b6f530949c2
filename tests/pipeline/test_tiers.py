"""Admission in two tiers: the cheap bound of a prompt admits, and never refuses or shortens anything."""

import json

import pytest

from tests.gateways import Limits
from tests.pipeline.conftest import OpenGateway
from tests.provider.process import ProviderProcess

PROMPT = "Tell me something about the weather in the mountains, please. " * 50  # 3,100 bytes, about 600 tokens
MODEL = "gpt-4o/m:tokens-40"
OUTPUT = 50


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("room", [700, 2_000, 3_140, 3_180])
async def test_the_bytes_of_a_prompt_take_no_room(
    open_gateway: OpenGateway, far: ProviderProcess, room: int, stream: bool
) -> None:
    """Where the prompt's bytes leave no or too little room for the answer, its tokens do: the client's bound stands."""
    client = await open_gateway(Limits(company_tokens=room))
    messages = [{"role": "user", "content": PROMPT}]
    async with client.chat(MODEL, messages=messages, max_tokens=OUTPUT, stream=stream) as answer:
        assert answer.status == 200
        await answer.read()
    used, held = await client.company()
    log = await far.log()
    assert json.loads(log[0]["body"])["max_tokens"] == OUTPUT
    assert (used, held) == (log[0]["prompt_tokens"] + 40, 0)


async def test_the_true_size_refuses(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """A refusal names what the call needs by count, not by bytes."""
    client = await open_gateway(Limits(company_tokens=500))
    async with client.chat(MODEL, messages=[{"role": "user", "content": PROMPT}], max_tokens=OUTPUT) as answer:
        assert answer.status == 429
        error = (await answer.json())["error"]
    assert error["code"] == "request_exceeds_budget"
    assert 500 < error["budget"]["requested"] < 1_000
    assert await far.log() == []
