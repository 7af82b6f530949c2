"""Budgets of all companies together, all the way: one limit, two companies, and every token counted once."""

import asyncio

from tests.gateways import ADA_KEY, OTHER_KEY, Client, Limits
from tests.pipeline.conftest import OpenGateway
from tests.provider.process import ProviderProcess

EVERYTHING = "- {name: everything, scope: installation, window: {calendar: month}, limit: 4000}"
AT_ONCE = "- {name: at-once, scope: provider, unit: in_flight, limit: 2}"


async def call(client: Client, key: str, *, stream: bool) -> tuple[int, str]:
    """Make a call; gives its status and the name of the budget that refused it."""
    headers = {"Authorization": f"Bearer {key}"}
    async with client.chat("m:tokens-200", headers=headers, max_tokens=200, stream=stream) as answer:
        if answer.status == 200:
            await answer.read()
            return 200, ""
        budget = (await answer.json())["error"]["budget"]
        assert budget["used"] + budget["held"] <= budget["limit"]
        return answer.status, budget["name"]


async def test_companies_share_a_limit(far: ProviderProcess, open_gateway: OpenGateway) -> None:
    """They call in turns until none fits: no more was served than the limit, and little is left of it."""
    client = await open_gateway(Limits(budgets=EVERYTHING, company_tokens=-1))
    ends = [await call(client, (ADA_KEY, OTHER_KEY)[n % 2], stream=n % 3 == 0) for n in range(30)]
    assert ends[0] == (200, "")
    assert ends[-1] == (429, "everything")
    served = await far.served()
    assert 2_000 < served["prompt_tokens"] + served["completion_tokens"] <= 4_000


async def test_calls_in_flight_to_a_provider_are_capped_for_all(
    far: ProviderProcess, open_gateway: OpenGateway
) -> None:
    """Of ten calls at once of two companies two are sent, the others told to come back; then there is room again."""
    client = await open_gateway(Limits(budgets=AT_ONCE))
    ends = await asyncio.gather(*(call(client, (ADA_KEY, OTHER_KEY)[n % 2], stream=False) for n in range(10)))
    assert 2 <= ends.count((200, "")) < 10
    assert set(ends) == {(200, ""), (429, "at-once")}
    assert await call(client, OTHER_KEY, stream=True) == (200, "")


async def test_budgets_that_span_companies_are_not_told_to_one(far: ProviderProcess, open_gateway: OpenGateway) -> None:
    """`/v1/budget` shows a caller nothing of what others spend."""
    client = await open_gateway(Limits(budgets=f"{EVERYTHING}\n{AT_ONCE}"))
    assert set(await client.budgets()) == {"company", "user-daily", "user-weekly", "user-monthly"}
