"""A company whose budget is spent in slices: counters, roll-ups and events agree, and what nobody can tell is said."""

from gateway.budget import SlicedLedger, script
from gateway.reconcile import looking
from gateway.reconcile.looking import Scripts
from tests.budget.clock import Clock
from tests.cli.configs import configured
from tests.reconcile.busy import ACME, ADA, BOB, DAY, DESK, SHARD, START_MS, Office, stopped

TEXT = f"""
providers:
  paid:
    dialect: openai
    base_url: "https://paid.example/v1"
    api_key: something-secret
    models: {{large: {{}}, small: {{}}}}
purposes: {{QA: {{}}}}
companies: [{{id: {ACME}, name: acme, budget: {{tokens: 100000000, window_days: 7, sliced: true}}, timezone: UTC}}]
users:
  - {{id: {ADA}, name: ada, company: acme, quotas: {{weekly: 10000000}}}}
  - {{id: {BOB}, name: bob, company: acme}}
agents: [{{id: {DESK}, name: desk, company: acme}}]
keys:
  - {{name: laptop, key: a-key-that-is-long-1, company: acme, user: ada, agent: desk}}
  - {{name: shared, key: a-key-that-is-long-2, company: acme}}
"""


async def open_office(store, directory) -> Office:
    """Give the company at work with a ledger that spends its budget in slices."""
    clock = Clock(store, START_MS)
    await clock.move_to(START_MS)
    ledger = SlicedLedger(
        store,
        stopped(script.load()),
        lease_seconds=60,
        clock=clock.local,
        monotonic=lambda: clock.now_ms / 1000,
    )
    loaded = looking.load()
    scripts = Scripts(*(stopped(one) for one in (loaded.look, loaded.mend, loaded.restore, loaded.deadlines)))
    return Office(configured(directory, TEXT), store, ledger, clock, scripts)


async def two_days(one: Office) -> None:
    """Make calls of a user with a limited quota, of one with none, and of a key without a user."""
    for _ in range(2):
        for number in range(120):
            await one.call(("ada", "eve", "nobody")[number % 3], 100 + number)
        await one.ledger.drain(5)
        await one.clock.advance(DAY)


async def test_a_company_in_slices_has_no_drift(valkey_store, tmp_path):
    """Its budget is compared with the events of its slices, its users' quotas with those of their calls."""
    one = await open_office(valkey_store, tmp_path)
    await two_days(one)
    found = await one.look()
    assert found.drifts == []
    assert {note.why for note in found.notes} == {"it is spent in slices, each for many calls"}


async def test_what_a_company_in_slices_has_lost_is_found(valkey_store, tmp_path):
    """A bucket that is gone comes back from the events of its slices, and a held number nobody holds goes."""
    one = await open_office(valkey_store, tmp_path)
    await two_days(one)
    buckets = f"{SHARD}w:c:{ACME}:company@7d"
    before = await valkey_store.execute("HGETALL", buckets)
    await valkey_store.execute("HDEL", buckets, next(iter(before)))
    found = await one.look(repairs=True)
    assert {(drift.budget, drift.is_open) for drift in found.drifts} == {("company", False)}
    assert await valkey_store.execute("HGETALL", buckets) == before
    assert (await one.look()).drifts == []
