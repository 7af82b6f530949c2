"""A megabyte of what tokenizers hate, near a limit, so that it must be counted: answered or refused, never an error."""

import base64
import random
from io import BytesIO

import pytest
from structlog.testing import capture_logs

from tests.gateways import Client, Limits
from tests.pipeline.conftest import OpenGateway
from tests.pipeline.scripted import DONE, PROMPT_TOKENS, Turn, frame, scripted_provider
from tests.provider.process import ProviderProcess

MEGABYTE = 1_000_000
REPEATED = {
    "spaces": " ",
    "tabs": r"\t",
    "newlines": r"\n",
    "one letter": "a",
    "endoftext": "<|endoftext|>",
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "escaped emoji": r"\ud83d\ude00",
    "combining": "e\u0301",
    "words": "The quick brown fox. ",
}
TEXTS = {name: (unit * MEGABYTE)[: MEGABYTE // len(unit) * len(unit)] for name, unit in REPEATED.items()} | {
    "base64": base64.b64encode(random.Random(1).randbytes(MEGABYTE * 3 // 4)).decode(),
    "two megabytes": "ab " * 700_000,
}
"""Texts as they stand between the quotes of a JSON string."""


async def answered(client: Client, text: str, *, stream: bool) -> tuple[int, str | None]:
    """Send a text as a prompt; gives the status and a refusal's code."""
    asked = '"stream":true,' if stream else ""
    body = '{"model":"m:tokens-3","max_tokens":8,' + asked + '"messages":[{"role":"user","content":"' + text + '"}]}'
    headers = {**client.headers, "Content-Type": "application/json"}
    data = BytesIO(body.encode())
    async with client.session.post(f"{client.url}/v1/chat/completions", data=data, headers=headers) as answer:
        if answer.status == 200:
            await answer.read()
            return 200, None
        return answer.status, (await answer.json())["error"]["code"]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_hostile_prompts_are_counted(open_gateway: OpenGateway, far: ProviderProcess, text: str) -> None:
    """Where its bytes alone would be refused, a prompt is counted: it passes and is charged, or it is too much."""
    client = await open_gateway(Limits(company_tokens=900_000))
    with capture_logs() as logs:
        found = [await answered(client, text, stream=stream) for stream in (False, True)]
        used, held = await client.company()
    assert set(found) <= {(200, None), (429, "request_exceeds_budget"), (429, "budget_exceeded")}
    served = await far.settled()
    assert (used, held) == (served["prompt_tokens"] + served["completion_tokens"], 0)
    assert [line["event"] for line in logs] == ["call", "call"]


@pytest.mark.parametrize("name", ["spaces", "one letter", "endoftext", "emoji"])
async def test_hostile_prompts_of_a_silent_provider_are_charged(
    open_gateway: OpenGateway, far: ProviderProcess, name: str
) -> None:
    """Prompt and answer of hostile text without a usage are counted, not below the truth."""
    client = await open_gateway(Limits(company_tokens=20_000_000, default_output_tokens=2_000_000))
    text = (REPEATED[name] * MEGABYTE)[: MEGABYTE // 16]
    with capture_logs() as logs:
        for stream in (False, True):
            messages = [{"role": "user", "content": text}]
            async with client.chat("m:echo.usage-none", messages=messages, stream=stream) as answer:
                assert answer.status == 200
                await answer.read()
        used, held = await client.company()
    served = await far.settled()
    assert used >= served["prompt_tokens"] + served["completion_tokens"] > 0
    assert held == 0
    assert [(line["event"], line["outcome"], line["estimated"]) for line in logs] == [("call", "ok", True)] * 2


@pytest.mark.parametrize("script", ["huge-1000000", "huge-3000000"])
@pytest.mark.parametrize("stream", [False, True])
async def test_answers_of_megabytes_are_counted(
    open_gateway: OpenGateway, far: ProviderProcess, script: str, stream: bool
) -> None:
    """An answer of megabytes without a usage, in one frame or in one piece, is counted, not below the truth."""
    client = await open_gateway(Limits(company_tokens=20_000_000, default_output_tokens=4_000_000))
    with capture_logs() as logs:
        async with client.chat(f"m:{script}.usage-none", stream=stream) as answer:
            assert answer.status == 200
            assert len(await answer.read()) > int(script.removeprefix("huge-"))
        used, held = await client.company()
    served = await far.settled()
    assert (used >= served["prompt_tokens"] + served["completion_tokens"] > PROMPT_TOKENS, held) == (True, 0)
    assert [(line["event"], line["outcome"]) for line in logs] == [("call", "ok")]


@pytest.mark.parametrize("text", [r"\ud800", r"\udc00\ud800", "a" * 1000 + r"\ud83d", r"\ud800" * 170_000])
@pytest.mark.parametrize("stream", [False, True])
async def test_lone_surrogates_are_no_text(
    open_gateway: OpenGateway, far: ProviderProcess, text: str, stream: bool
) -> None:
    """A lone surrogate is no Unicode text: 400, and nothing is sent or held."""
    client = await open_gateway()
    with capture_logs() as logs:
        assert await answered(client, text, stream=stream) == (400, "invalid_json")
    assert await client.company() == (0, 0)
    assert (await far.served())["requests"] == 0
    assert [(line["event"], line["outcome"]) for line in logs] == [("call", "invalid_json")]


async def test_lone_surrogates_of_a_provider_are_counted(open_gateway: OpenGateway) -> None:
    """A provider's frame with a lone surrogate passes as it came, and its text is counted."""
    flawed = b'data: {"choices":[{"delta":{"content":"\\ud800 the of"}}]}\n\n'

    async def speak(turn: Turn) -> None:
        await turn.say(flawed + frame(" and") + DONE)

    async with scripted_provider(speak) as base_url:
        client = await open_gateway(base_url=base_url)
        async with client.chat("gpt-4o-mini", stream=True) as answer:
            assert await answer.read() == flawed + frame(" and") + DONE
        used, held = await client.company()
    assert (used >= PROMPT_TOKENS + 4, held) == (True, 0)
