"""Budgets in dollars, all the way: what is held and charged is the price of the tokens, and no price is no call."""

from tests.gateways import Limits
from tests.pipeline.conftest import OpenGateway
from tests.provider.process import ProviderProcess

PRICED = '{"*": {reasoning: false, price: {input: 1000, output: 2000}}, "free*": {reasoning: false}}'
BUDGET = """
- {name: dollars, scope: company, unit: usd, window: {calendar: month}, limit: 5.5}
"""


async def test_a_call_is_charged_its_price(far: ProviderProcess, open_gateway: OpenGateway) -> None:
    """20 tokens out and what the prompt took, at $1,000 and $2,000 a million: exact to the micro-dollar."""
    client = await open_gateway(Limits(models=PRICED, budgets=BUDGET))
    async with client.chat("m:tokens-20") as answer:
        usage = (await answer.json())["usage"]
    dollars = (await client.budgets())["dollars"]
    cost_micros = usage["prompt_tokens"] * 1000 + usage["completion_tokens"] * 2000
    assert (dollars["unit"], dollars["used"], dollars["held"]) == ("usd_micros", cost_micros, 0)


async def test_a_spent_budget_refuses(far: ProviderProcess, open_gateway: OpenGateway) -> None:
    """A call whose worst price does not fit is refused in dollars, and reaches no provider."""
    client = await open_gateway(Limits(models=PRICED, budgets=BUDGET.replace("5.5", "0.001")))
    async with client.chat("m:tokens-20") as answer:
        error = (await answer.json())["error"]
    assert (answer.status, error["code"], error["budget"]["unit"]) == (429, "request_exceeds_budget", "usd_micros")
    assert "$0.001" in error["message"]
    assert await far.log() == []


async def test_a_model_without_a_price_is_refused(far: ProviderProcess, open_gateway: OpenGateway) -> None:
    """Under a dollar budget nothing goes out that nobody can price; the answer names model and budget."""
    client = await open_gateway(Limits(models='{"*": {}}', budgets=BUDGET))
    async with client.chat("m:tokens-20") as answer:
        error = (await answer.json())["error"]
    assert (answer.status, error["code"]) == (403, "model_without_price")
    assert "m:tokens-20" in error["message"]
    assert "dollars" in error["message"]
    assert await far.log() == []
