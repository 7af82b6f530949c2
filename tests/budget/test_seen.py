"""Who is known without being listed: from the first admitted call on, in the company of that call."""

import pytest

from gateway.budget import keys
from gateway.budget.seen import BATCH, seen_in
from gateway.model import Calendar, Lifetime, Period
from gateway.store.connection import Store
from tests.budget.clock import ledger_at
from tests.budget.orders import COMPANY, budget, charge, hold, order

USER = "22222222-2222-4222-8222-222222222222"
ELSEWHERE = "99999999-9999-4999-8999-999999999999"
SUBJECT = keys.user_subject(COMPANY, USER)
DAY = budget(100, Calendar(Period.DAY), "day", subject=SUBJECT)
TOTAL = budget(100, Lifetime(), "total", subject=SUBJECT)


async def seen(store: Store) -> list[str]:
    return await seen_in(store, USER, [ELSEWHERE, COMPANY])


@pytest.mark.parametrize("one", [DAY, TOTAL])
async def test_a_call_makes_its_user_known(store: Store, one) -> None:
    """From its admission on, and for as long as anything is counted; in that company alone."""
    ledger, _ = await ledger_at(store)
    assert await seen(store) == []
    await hold(ledger, "call", one, prompt=1)
    assert await seen(store) == [COMPANY]
    await charge(ledger, "next", 1, one)
    assert await seen(store) == [COMPANY]


async def test_a_limit_makes_its_user_known(store: Store) -> None:
    """While it is set."""
    ledger, _ = await ledger_at(store)
    await ledger.override(COMPANY, {DAY: 5}, "ops")
    assert await seen(store) == [COMPANY]
    await ledger.override(COMPANY, {DAY: None}, "ops")
    assert await seen(store) == []


async def test_what_leaves_nothing_makes_nobody_known(store: Store) -> None:
    """A refused call and a read write nothing."""
    ledger, _ = await ledger_at(store)
    await ledger.reserve(order("call", DAY, prompt=101))
    await ledger.read(COMPANY, [DAY, TOTAL])
    assert await seen(store) == []


async def test_many_companies_are_asked_in_order(valkey_store: Store) -> None:
    """More than one round trip's worth: each company is asked for its own user of that id."""
    ledger, _ = await ledger_at(valkey_store)
    companies = [f"{n:08}-0000-4000-8000-000000000000" for n in range(2 * BATCH + 1)]
    known = [companies[0], companies[BATCH], companies[-1]]
    for company in known:
        subject = keys.user_subject(company, USER)
        await ledger.override(company, {budget(1, Calendar(Period.DAY), "day", subject=subject): 5}, "ops")
    assert await seen_in(valkey_store, USER, companies) == known
    assert await seen_in(valkey_store, USER, []) == []
