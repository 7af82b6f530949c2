"""Gateways and callers without number on one budget of the installation: none gets past it, and nearly all is used."""

import asyncio

import pytest

from benchmarks.slices import Race, commands_of, race, sliced_budget
from gateway.budget import Ledger, script
from gateway.budget.keys import INSTALLATION
from gateway.store.connection import Store


async def watch(store: Store, running: Race, samples: list[int]) -> None:
    """Look at the budget all the time."""
    reader = Ledger(store, script.load(), lease_seconds=60)
    while True:
        spent = running.spent
        (level,) = await reader.read(INSTALLATION, [running.budget])
        assert level.used + level.held <= level.limit, level
        assert spent <= level.used + level.held, level
        samples.append(level.held)
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(("gateways", "callers"), [(2, 32), (4, 64)])
async def test_no_crowd_gets_past_a_budget_that_is_spent_in_slices(valkey_store, valkey_url, gateways, callers):
    """Every sample is within the limit, 99 % are spent before the first refusal, and all of it in the end."""
    budget, samples = sliced_budget(2_000_000), []
    running = Race(budget)
    watching = asyncio.create_task(watch(valkey_store, running, samples))
    racing = asyncio.create_task(race(valkey_url, running, gateways=gateways, callers=callers))
    await asyncio.wait({watching, racing}, return_when=asyncio.FIRST_COMPLETED)
    assert not watching.done(), watching.exception()
    await racing
    watching.cancel()
    (level,) = await Ledger(valkey_store, script.load(), lease_seconds=60).read(INSTALLATION, [budget])
    assert (level.used, level.held) == (running.spent, 0)
    assert running.spent <= budget.limit
    assert running.spent >= 0.999 * budget.limit
    assert running.spent_at_first_refusal >= 0.99 * budget.limit
    assert len(samples) > 5


async def test_a_hot_company_costs_the_store_a_tenth(valkey_store, valkey_url):
    """The same calls with slices and without: at least nine tenths of the store's calls are saved."""
    spent = []
    for is_sliced in (False, True):
        running = Race(sliced_budget(10_000_000, is_sliced=is_sliced))
        await valkey_store.execute("CONFIG", "RESETSTAT")
        await race(valkey_url, running, gateways=2, callers=1, most_calls=1_000)
        spent.append((await commands_of(valkey_store), running.calls))
    (plainly, calls), (sliced, sliced_calls) = spent
    assert calls == sliced_calls
    assert sliced <= 0.1 * plainly
