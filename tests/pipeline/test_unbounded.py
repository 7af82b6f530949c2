"""Streams that nobody bounds, providers that keep to no bound, thoughts that nobody sees."""

import pytest

from gateway.budget.reaper import sweep
from gateway.store.shards import prefix
from tests.gateways import ACME, Limits
from tests.pipeline.conftest import OpenGateway
from tests.provider.process import ProviderProcess

TRANCHE = 64


@pytest.mark.parametrize(
    "limits",
    [
        Limits(tranche_tokens=TRANCHE),
        Limits(tranche_tokens=TRANCHE, company_tokens=-1),
        Limits(tranche_tokens=TRANCHE, company_tokens=500, enforcement="soft"),
        Limits(tranche_tokens=TRANCHE, company_tokens=5, enforcement="shadow"),
    ],
)
async def test_a_stream_without_a_bound_passes_whole(
    open_gateway: OpenGateway, far: ProviderProcess, limits: Limits
) -> None:
    """Where no hard budget stands in the way, an answer far over `default_output_tokens` is passed on and charged."""
    client = await open_gateway(limits)
    async with client.chat("gpt-4o/m:tokens-1000", stream=True) as answer:
        text = await answer.text()
    used, held = await client.company()
    served = await far.settled()
    assert text.endswith("data: [DONE]\n\n")
    assert (used, held) == (served["prompt_tokens"] + served["completion_tokens"], 0)


@pytest.mark.parametrize(
    ("model", "max_tokens"),
    [("gpt-4o/m:tokens-2000.delay-1", None), ("gpt-4o/m:tokens-2000.delay-1.overrun", 100)],
)
async def test_a_stream_beyond_its_budget_is_cut_within_a_tranche(
    open_gateway: OpenGateway, far: ProviderProcess, model: str, max_tokens: int | None
) -> None:
    """With or without a bound that its provider keeps to, a stream overruns a hard limit by a tranche at most."""
    limit = 400
    client = await open_gateway(Limits(company_tokens=limit, tranche_tokens=TRANCHE))
    async with client.chat(model, stream=True, max_tokens=max_tokens) as answer:
        text = await answer.text()
    used, held = await client.company()
    assert '"code":"budget_exceeded"' in text
    assert held == 0
    assert limit - TRANCHE <= used <= limit + 2 * TRANCHE


@pytest.mark.parametrize("stream", [False, True])
async def test_thoughts_that_nobody_reports_are_charged(
    open_gateway: OpenGateway, far: ProviderProcess, stream: bool
) -> None:
    """A model that thinks unseen and reports no usage is charged all that it was allowed, never less than the truth."""
    client = await open_gateway(Limits(models='{"*": {reasoning: true}}'))
    async with client.chat("o3/m:think-2000.tokens-5.usage-none", stream=stream, max_completion_tokens=3000) as answer:
        assert answer.status == 200
        await answer.read()
    used, _ = await client.company()
    served = await far.settled()
    assert served["prompt_tokens"] + served["completion_tokens"] <= used
    assert served["completion_tokens"] > 2000


async def test_a_lease_that_expired_cuts_nobody_off(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """A stream whose lease was charged as expired meanwhile goes on, and its settle corrects the charge."""
    client = await open_gateway(Limits(tranche_tokens=TRANCHE))
    store = client.app.gateway.store
    deadlines = f"{prefix(ACME)}D"
    async with client.chat("gpt-4o/m:tokens-400.delay-2", stream=True) as answer:
        first = await answer.content.readany()
        for call in await store.execute("ZRANGE", deadlines, 0, -1):
            await store.execute("ZADD", deadlines, 1, call)
        assert await sweep(client.app.gateway.ledger, store) == 1
        text = (first + await answer.read()).decode()
    used, held = await client.company()
    served = await far.settled()
    assert text.endswith("data: [DONE]\n\n")
    assert (used, held) == (served["prompt_tokens"] + served["completion_tokens"], 0)
