"""A company in slices, all the way: its calls are answered and charged as any others."""

from tests.gateways import ADA_KEY, Client, Limits
from tests.pipeline.conftest import OpenGateway
from tests.provider.process import ProviderProcess


async def call(client: Client, *, stream: bool) -> None:
    """Make a call that is answered."""
    headers = {"Authorization": f"Bearer {ADA_KEY}"}
    async with client.chat("m:tokens-50", headers=headers, max_tokens=50, stream=stream) as answer:
        assert answer.status == 200, await answer.text()
        await answer.read()


async def test_a_hot_company_is_charged_what_its_provider_served(
    far: ProviderProcess, open_gateway: OpenGateway
) -> None:
    """Whole answers and streams, some of which the store never heard of before: every token counts once, everywhere."""
    client = await open_gateway(Limits(budget=", sliced: true"))
    for number in range(60):
        await call(client, stream=number % 2 == 0)
    served = await far.served()
    truth = served["prompt_tokens"] + served["completion_tokens"]
    assert await client.company() == (truth, 0)
    budgets = await client.budgets()
    assert [budgets[name]["used"] for name in ("user-daily", "user-weekly", "user-monthly")] == [truth] * 3
