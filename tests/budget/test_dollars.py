"""Budgets in dollars on a real store: micro-dollars of any size stay exact, and calls at once do not go over."""

import asyncio

from gateway.budget import Lease, Order, Refusal, Share, asks, charges
from gateway.model import Calendar, Period, Price, Rates, Tariff, Unit, Usage, Weights
from tests.budget.clock import ledger_at
from tests.budget.orders import COMPANY, NO_ROLLUP, budget

MONTH = Calendar(Period.MONTH)
TARIFF = Tariff(Weights(), Price(Rates.of(2_500_000, 10_000_000)))


async def _reserve(ledger, call, dollars, prompt, want, least, share=Share.NO) -> Lease | Refusal:
    asked = asks([dollars], prompt, TARIFF)
    return await ledger.reserve(Order(call, COMPANY, asked, want_tokens=want, least_tokens=least, share=share))


async def test_large_sums_stay_exact(store):
    """A hundred million dollars, all but a micro-dollar of it used: the last one is still counted."""
    ledger, _ = await ledger_at(store)
    dollars = budget(10**14, MONTH, "dollars", unit=Unit.USD)
    lease = await _reserve(ledger, "call", dollars, 100, 10, 10)
    assert isinstance(lease, Lease)
    await ledger.settle(lease, [10**14 - 1], NO_ROLLUP)
    (level,) = await ledger.read(COMPANY, [dollars])
    assert (level.used, level.held, level.remaining) == (10**14 - 1, 0, 1)
    assert isinstance(await _reserve(ledger, "next", dollars, 1, 0, 0), Refusal)


async def test_an_answer_is_cut_to_what_the_money_buys(store):
    """A cent buys 975 completion tokens at $10 a million, after a prompt of 100 at $2.50."""
    ledger, _ = await ledger_at(store)
    dollars = budget(10_000, MONTH, "dollars", unit=Unit.USD)
    lease = await _reserve(ledger, "call", dollars, 100, 4_096, 1)
    assert isinstance(lease, Lease)
    assert lease.granted_tokens == 975
    (level,) = await ledger.read(COMPANY, [dollars])
    assert (level.used, level.held) == (0, 250 + 9_750)
    amounts = charges(lease.order.asks, Usage(100, 975), TARIFF)
    await ledger.settle(lease, amounts, NO_ROLLUP)
    (level,) = await ledger.read(COMPANY, [dollars])
    assert (level.used, level.held) == (10_000, 0)


async def test_calls_at_once_do_not_go_over(store):
    """Of fifty calls that want a tenth of the money each, ten are admitted."""
    ledger, _ = await ledger_at(store)
    dollars = budget(100_000, MONTH, "dollars", unit=Unit.USD)
    calls = (_reserve(ledger, f"call-{n}", dollars, 0, 1_000, 1_000) for n in range(50))
    outcomes = await asyncio.gather(*calls)
    assert sum(isinstance(outcome, Lease) for outcome in outcomes) == 10
    (level,) = await ledger.read(COMPANY, [dollars])
    assert (level.used, level.held) == (0, 100_000)
