"""The order of things: a call is settled before its client holds the whole answer, and no chunk waits for another."""

import asyncio

import pytest

from tests.gateways import Client, Limits
from tests.pipeline.conftest import OpenGateway
from tests.pipeline.scripted import DONE, PROMPT_TOKENS, Turn, frame, scripted_provider, usage_frame
from tests.provider.counting import WORDS

CALLS = 200


async def answered(client: Client, *, stream: bool, **fields: object) -> int:
    """Make a call and give its status as soon as the last byte of the answer is here, before the connection is free."""
    async with client.chat("m:tokens-5", stream=stream, **fields) as answer:
        if not stream:
            await answer.read()
        elif answer.status == 200:
            await answer.content.readuntil(DONE)
        return answer.status


@pytest.mark.parametrize("stream", [False, True])
async def test_the_next_call_sees_the_charge(open_gateway: OpenGateway, stream: bool) -> None:
    """After an answer's last byte, the budget shows the charge and no hold, every time."""
    client = await open_gateway()
    for calls in range(1, CALLS + 1):
        assert await answered(client, stream=stream) == 200
        company = (await client.budgets())["company"]
        assert (company["used"], company["held"]) == (calls * (PROMPT_TOKENS + 5), 0)


ONE_AT_A_TIME = {
    "in flight": Limits(budgets="- {name: alone, scope: company, unit: in_flight, limit: 1}"),
    "tokens": Limits(company_tokens=1200),
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("limits", ONE_AT_A_TIME.values(), ids=ONE_AT_A_TIME)
async def test_no_call_meets_its_predecessors_hold(open_gateway: OpenGateway, limits: Limits, stream: bool) -> None:
    """With room for one call at a time, calls that follow each other are never refused."""
    client = await open_gateway(limits)
    for _ in range(50):
        async with client.chat("m:tokens-5.usage-zero", stream=stream) as answer:
            assert answer.status == 200, await answer.text()
            await (answer.content.readuntil(DONE) if stream else answer.read())


@pytest.mark.parametrize("limits", ONE_AT_A_TIME.values(), ids=ONE_AT_A_TIME)
async def test_two_calls_at_a_time_do_not_fit(open_gateway: OpenGateway, limits: Limits) -> None:
    """The budgets of the test above hold one call only: a second one beside it is refused, and invited to come back."""
    goes_on = asyncio.Event()

    async def speak(turn: Turn) -> None:
        await turn.say(frame(" the"))
        await goes_on.wait()
        await turn.say(DONE)

    async with scripted_provider(speak) as base_url:
        client = await open_gateway(limits, base_url)
        async with client.chat("m:", stream=True) as first:
            await first.content.readexactly(len(frame(" the")))
            async with client.chat("m:", stream=True) as second:
                error = (await second.json())["error"]
            goes_on.set()
            assert await first.content.readuntil(DONE) == DONE
    assert (second.status, error["code"]) == (429, "rate_limited")
    assert 1 <= int(second.headers["Retry-After"]) <= 60


async def test_each_chunk_leaves_before_the_next_arrives(open_gateway: OpenGateway) -> None:
    """A provider that says the next thing only when the client has got the last is heard to its end."""
    frames = [*map(frame, WORDS), frame(finish="stop")]
    heard = asyncio.Semaphore(1)

    async def speak(turn: Turn) -> None:
        for one in frames:
            await heard.acquire()
            await turn.say(one)
        await turn.say(usage_frame(len(WORDS)) + DONE)

    async with scripted_provider(speak) as base_url:
        client = await open_gateway(base_url=base_url)
        async with client.chat("gpt-4o-mini", stream=True) as answer:
            for one in frames:
                assert await answer.content.readexactly(len(one)) == one
                heard.release()
            assert await answer.content.read() == DONE
        assert await client.company() == (PROMPT_TOKENS + len(WORDS), 0)


async def test_the_end_waits_for_the_charge_alone(open_gateway: OpenGateway) -> None:
    """The answer ends with `[DONE]`, whether or not the provider closes its side after it."""

    async def speak(turn: Turn) -> None:
        await turn.say(frame(" the") + usage_frame(1) + DONE)
        await asyncio.Event().wait()

    async with scripted_provider(speak) as base_url:
        client = await open_gateway(base_url=base_url)
        async with client.chat("gpt-4o-mini", stream=True) as answer:
            assert await answer.read() == frame(" the") + DONE
        assert await client.company() == (PROMPT_TOKENS + 1, 0)
