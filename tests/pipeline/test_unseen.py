"""Prompts that are with the provider in part, tools that it runs: a cap is held, the provider's report is charged."""

import asyncio
from typing import Any

import pytest

from tests.gateways import Client, Limits
from tests.pipeline.conftest import OpenGateway
from tests.provider.process import ProviderProcess

UNSEEN_TOKENS = 3_000
UNSEEN = Limits(provider=f"unseen_tokens: {UNSEEN_TOKENS}", default_output_tokens=50)
BODY_TOKENS = 800
"""More than any body below has bytes, and what is added to it."""
CHAT, RESPONSES = "/v1/chat/completions", "/v1/responses"
SEARCH = {"tools": [{"type": "web_search"}]}


async def _held(client: Client) -> int:
    """Give what is held, once something is."""
    while not (held := (await client.budgets())["company"]["held"]):  # noqa: ASYNC110 - the ledger sets no Event
        await asyncio.sleep(0.01)
    return int(held)


@pytest.mark.parametrize(
    ("path", "fields", "output_tokens"),
    [
        (RESPONSES, {"previous_response_id": "resp_1"}, 50),
        (RESPONSES, {"previous_response_id": "resp_1", "max_output_tokens": 20}, 20),
        (RESPONSES, SEARCH, 500),
        (RESPONSES, SEARCH | {"max_tool_calls": 1, "max_output_tokens": 20}, 40),
        (CHAT, {"web_search_options": {}}, 50),
        (CHAT, SEARCH | {"max_completion_tokens": 20}, 200),
    ],
)
async def test_a_cap_is_held_and_the_report_charged(
    open_gateway: OpenGateway, far: ProviderProcess, path: str, fields: dict[str, Any], output_tokens: int
) -> None:
    """Held while the call runs: the configured cap, and the bound of every round; then what the provider reports."""
    client = await open_gateway(UNSEEN)
    asked = {"input": "Hi"} if path == RESPONSES else {"messages": [{"role": "user", "content": "Hi"}]}
    body = {"model": "gpt-4o/m:prompt-2000.tokens-9.gate-0", **asked, **fields}

    async def call() -> int:
        async with client.post(path, body) as answer:
            await answer.read()
            return answer.status

    running = asyncio.create_task(call())
    held = await _held(client)
    await far.open()
    assert await running == 200
    assert 0 <= held - UNSEEN_TOKENS - output_tokens <= BODY_TOKENS
    assert await client.company() == (2009, 0)


async def test_a_body_alone_holds_no_more_than_itself(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """Tools that the client runs cost their definitions."""
    client = await open_gateway(UNSEEN)
    tools = [{"type": "function", "name": "f", "parameters": {}}]
    body = {"model": "gpt-4o/m:gate-0", "input": "Hi", "tools": tools}

    async def call() -> int:
        async with client.post(RESPONSES, body) as answer:
            return answer.status

    running = asyncio.create_task(call())
    held = await _held(client)
    await far.open()
    assert await running == 200
    assert held <= 50 + BODY_TOKENS
