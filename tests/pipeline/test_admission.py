"""Admission over HTTP: what is held for a call, what cap goes upstream with it, and who is let in of many at once."""

import asyncio
import json
from collections import Counter
from typing import Any

import pytest

from tests.gateways import BACKEND_KEY, Client, Limits
from tests.pipeline.conftest import OpenGateway
from tests.provider.process import ProviderProcess

MODELS = '{"*": {reasoning: false}, "m:tokens-1": {reasoning: true}}'
UNKNOWN, THINKING = "m:", "m:tokens-1"
DEFAULT_TOKENS = 64
PLAIN = Limits(models=MODELS, default_output_tokens=DEFAULT_TOKENS)
SOFT = Limits(models=MODELS, enforcement="soft")
SHADOW = Limits(models=MODELS, enforcement="shadow")
UNLIMITED = Limits(models=MODELS, company_tokens=-1)
LONG, SHORT = {"max_tokens": 500}, {"max_tokens": 10}

# limits, model, fields -> the output bounds that the provider gets
CAPS: list[tuple[Limits, str, dict[str, Any], dict[str, int]]] = [
    (PLAIN, UNKNOWN, {}, {"max_tokens": DEFAULT_TOKENS}),
    (PLAIN, UNKNOWN, {"n": 3}, {"max_tokens": DEFAULT_TOKENS}),
    (PLAIN, UNKNOWN, SHORT, SHORT),
    (PLAIN, UNKNOWN, LONG, LONG),
    (PLAIN, UNKNOWN, {"max_completion_tokens": 500}, {"max_completion_tokens": 500}),
    (PLAIN, UNKNOWN, {"stream": True}, {}),
    (PLAIN, UNKNOWN, {"stream": True, "n": 2}, {"max_tokens": DEFAULT_TOKENS}),
    (PLAIN, UNKNOWN, {"stream": True, **LONG}, LONG),
    (PLAIN, THINKING, {"stream": True}, {"max_completion_tokens": DEFAULT_TOKENS}),
    (PLAIN, THINKING, {"stream": True, **LONG}, LONG),
    (SOFT, UNKNOWN, {}, {}),
    (SHADOW, UNKNOWN, {}, {}),
    (UNLIMITED, UNKNOWN, {}, {}),
    (UNLIMITED, UNKNOWN, LONG, LONG),
]


@pytest.mark.parametrize(("limits", "model", "fields", "bounds"), CAPS)
async def test_a_cap_goes_upstream_only_where_it_changes_something(
    open_gateway: OpenGateway, far: ProviderProcess, limits: Limits, model: str, fields: dict[str, Any], bounds: Any
) -> None:
    """Only a hard, limited budget caps, and only an answer that nobody bounds and nobody watches."""
    client = await open_gateway(limits)
    assert await sent_bounds(client, far, model, **fields) == (200, bounds)


@pytest.mark.parametrize(
    ("fields", "bounds"),
    [({}, {}), (SHORT, SHORT), (LONG, {"max_tokens": 100}), ({"stream": True, **LONG}, {"max_tokens": 100})],
)
async def test_what_a_model_can_give_at_most_is_held_and_asked_for(
    open_gateway: OpenGateway, far: ProviderProcess, fields: dict[str, Any], bounds: dict[str, int]
) -> None:
    """A client's bound above the model's own is cut to it; without one, the model's own needs no cap."""
    client = await open_gateway(Limits(models='{"*": {max_output_tokens: 100, reasoning: false}}'))
    assert await sent_bounds(client, far, UNKNOWN, **fields) == (200, bounds)


async def sent_bounds(client: Client, far: ProviderProcess, model: str, **fields: Any) -> tuple[int, dict[str, int]]:
    """Make a call; give its status and the bounds that reached the provider."""
    async with client.chat(model, **fields) as answer:
        await answer.read()
    (entry,) = await far.log()
    body = json.loads(entry["body"])
    return answer.status, {name: body[name] for name in ("max_tokens", "max_completion_tokens") if name in body}


async def test_near_the_end_of_a_budget_a_call_takes_only_a_share(
    open_gateway: OpenGateway, far: ProviderProcess
) -> None:
    """A call that cannot be watched is granted 256 tokens or an eighth of what remains, and capped to it."""
    client = await open_gateway(Limits(company_tokens=2_000))
    assert await sent_bounds(client, far, UNKNOWN, max_tokens=1_500) == (200, {"max_tokens": 256})


async def test_a_share_is_divided_among_the_choices(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """The cap is per choice: all of them together stay within the grant."""
    client = await open_gateway(Limits(company_tokens=2_000))
    assert await sent_bounds(client, far, UNKNOWN, max_tokens=500, n=4) == (200, {"max_tokens": 64})


async def test_a_call_is_refused_only_by_its_true_size(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """A prompt whose bytes would not fit, but whose tokens do, is counted and let in."""
    client = await open_gateway(Limits(company_tokens=2_500))
    text = "hello " * 400
    async with client.chat(messages=[{"role": "user", "content": text}], max_tokens=5) as answer:
        assert answer.status == 200, await answer.text()
    async with client.chat(messages=[{"role": "user", "content": text * 10}], max_tokens=5) as answer:
        error = (await answer.json())["error"]
        assert (answer.status, error["code"]) == (429, "request_exceeds_budget")
        assert "Retry-After" not in answer.headers
    assert len(await far.log()) == 1


async def test_a_bound_beyond_any_number_is_freed_to_the_token(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """Millions of choices without end leave no trace in what is held: sums in the store stay exact integers."""
    client = await open_gateway(Limits(company_tokens=-1))
    body = {"model": "m:status-500", "prompt": ["a"] * 100_000, "n": 128, "max_tokens": 2**31 - 1}
    async with client.chat("m:gate-1.tokens-3", stream=True) as beside:
        async with client.post("/v1/completions", body) as answer:
            assert answer.status == 500
        await far.open()
        await beside.read()
    assert await client.company() == (9 + 3, 0)


@pytest.mark.parametrize("stream", [False, True])
async def test_first_calls_of_a_new_user_at_once_stay_within_the_default(
    open_gateway: OpenGateway, far: ProviderProcess, stream: bool
) -> None:
    """64 calls of a user whom nobody has seen: the default quota holds from the first one, and most of it is used."""
    daily = 4_000
    client = await open_gateway(Limits(daily=daily))
    new = {"Authorization": f"Bearer {BACKEND_KEY}", "X-Gateway-User": "88888888-8888-4888-8888-888888888888"}

    async def call() -> str:
        async with client.chat("m:tokens-50.first-20", headers=new, max_tokens=50, stream=stream) as answer:
            await answer.read()
            return str(answer.status) if answer.status == 200 else (await answer.json())["error"]["code"]

    outcomes = Counter(await asyncio.gather(*(call() for _ in range(64))))
    await client.company()
    quota = (await client.budgets(**new))["user-daily"]
    served = await far.settled()
    assert set(outcomes) <= {"200", "rate_limited", "budget_exceeded"}
    assert quota["used"] == served["prompt_tokens"] + served["completion_tokens"] <= quota["limit"] == daily
    assert (quota["held"], outcomes["200"]) == (0, served["requests"])
