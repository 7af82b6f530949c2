"""Limits set through an API: several at once or none, over the file's until cleared, and on record."""

import asyncio

import pytest

from gateway.budget import Ledger, LedgerFault, Override
from gateway.budget.lease import Report
from gateway.errors import StoreUnavailable
from gateway.model import Calendar, Period
from tests.budget.clock import START_MS, ledger_at, stoppable
from tests.budget.orders import COMPANY, DAY, NO_ROLLUP, SHARD, budget, charge, contents, hold, order

EVENTS = f"{SHARD}E"
QUOTAS = tuple(budget(100, Calendar(period), period.value, subject="u:1") for period in Period)
TODAY, WEEK, MONTH = QUOTAS


async def limits(ledger: Ledger, *budgets) -> list[tuple[int, bool]]:
    """Give each budget's limit, and whether an API has set it."""
    return [(level.limit, level.is_override) for level in await ledger.read(COMPANY, budgets)]


async def last_event(store) -> dict[bytes, bytes]:
    """Give the newest event of the shard."""
    ((_, fields),) = await store.execute("XREVRANGE", EVENTS, "+", "-", "COUNT", 1)
    return fields if isinstance(fields, dict) else dict(zip(fields[::2], fields[1::2], strict=True))


@pytest.mark.parametrize("limit", [-1, 0, 40, 5000])
async def test_an_override_in_the_store_wins_until_it_is_cleared(store, limit):
    """A limit set through an API rules over the file's for every gateway, and the file's rules again afterwards."""
    ledger, _ = await ledger_at(store)
    other = Ledger(store, stoppable(), lease_seconds=60)
    one = budget(1000)
    assert await ledger.override(COMPANY, {one: limit}, "ada") == (None,)
    assert await limits(other, one) == [(limit, True)]
    outcome = await other.reserve(order("call", one, prompt=41))
    assert hasattr(outcome, "granted_tokens") is (limit in {-1, 5000})
    await ledger.override(COMPANY, {one: None}, "ada")
    assert await limits(other, one) == [(1000, False)]


async def test_an_override_equal_to_the_file_s_limit_is_one(store):
    """Who set a limit is known by where it stands, not by how much it is."""
    ledger, _ = await ledger_at(store)
    await ledger.override(COMPANY, {TODAY: 100}, "ada")
    assert await limits(ledger, *QUOTAS) == [(100, True), (100, False), (100, False)]


async def test_an_override_remembers_who_and_when(store):
    """Setting and clearing a limit give what stood there: the limit, the store's time, the name."""
    ledger, clock = await ledger_at(store)
    one = budget(1000)
    await ledger.override(COMPANY, {one: 50}, "ada: the admin")
    await clock.advance(DAY)
    assert await ledger.override(COMPANY, {one: 2**53 - 1}, "bob") == (Override(50, START_MS, "ada: the admin"),)
    assert await ledger.override(COMPANY, {one: None}, "eve") == (Override(2**53 - 1, START_MS + DAY, "bob"),)
    assert await ledger.override(COMPANY, {one: None}, "eve") == (None,)


async def test_an_override_is_for_one_budget_of_one_subject(store):
    """The same budget of another user, and another budget of the same user, keep the file's limit."""
    ledger, _ = await ledger_at(store)
    mine, theirs, other = budget(10, subject="u:1"), budget(10, subject="u:2"), budget(10, name="other", subject="u:1")
    await ledger.override(COMPANY, {mine: 99}, "ops")
    assert await limits(ledger, mine, theirs, other) == [(99, True), (10, False), (10, False)]


async def test_several_limits_change_together(store):
    """One is set, one cleared, one left alone; what stood there comes in the order that was asked."""
    ledger, _ = await ledger_at(store)
    await ledger.override(COMPANY, {WEEK: 20, MONTH: -1}, "ada")
    before = await ledger.override(COMPANY, {MONTH: None, TODAY: 0}, "bob")
    assert before == (Override(-1, START_MS, "ada"), None)
    assert await limits(ledger, *QUOTAS) == [(0, True), (20, True), (100, False)]


async def test_every_change_is_recorded(store):
    """The shard's events tell who changed the limits of whom, when, and of each the line before and after."""
    ledger, clock = await ledger_at(store)
    await ledger.override(COMPANY, {TODAY: 50}, "ada")
    await clock.advance(DAY)
    await ledger.override(COMPANY, {TODAY: None, WEEK: -1}, "bob")
    assert await last_event(store) == {
        b"kind": b"override",
        b"who": b"bob",
        b"subject": b"u:1",
        b"at": b"%d" % (START_MS + DAY),
        b"old:day": b"50:%d:ada" % START_MS,
        b"new:day": b"",
        b"old:week": b"",
        b"new:week": b"-1:%d:bob" % (START_MS + DAY),
    }
    assert await store.execute("XLEN", EVENTS) == 2


@pytest.mark.parametrize("spoiled", [EVENTS, f"{SHARD}o:u:1"])
async def test_a_change_that_cannot_be_recorded_is_not_made(store, spoiled):
    """Where the record or the limits cannot be written, all limits stay as they were."""
    ledger, _ = await ledger_at(store)
    await ledger.override(COMPANY, {TODAY: 50}, "ada")
    await store.pipeline([("DEL", spoiled), ("SET", spoiled, "spoiled")])
    before = await contents(store)
    with pytest.raises(LedgerFault, match="WRONGTYPE"):
        await ledger.override(COMPANY, {TODAY: None, WEEK: 7, MONTH: 7}, "bob")
    assert await contents(store) == before


@pytest.mark.parametrize(
    ("asked", "after"),
    [
        ({WEEK: 7, TODAY: None}, [(50, True), (100, False), (100, False)]),
        ({TODAY: None, WEEK: 7}, [(100, False), (7, True), (100, False)]),
        ({WEEK: 7, MONTH: 7}, [(50, True), (100, False), (100, False)]),
    ],
)
async def test_a_full_store_takes_all_limits_or_none(store, asked, after):
    """Without memory for a new limit every change is made, where the first makes room for it, or none."""
    ledger, _ = await ledger_at(store)
    await ledger.override(COMPANY, {TODAY: 50}, "ada")
    await store.execute("CONFIG", "SET", "maxmemory", 1)
    try:
        (outcome,) = await asyncio.gather(ledger.override(COMPANY, asked, "bob"), return_exceptions=True)
    finally:
        await store.execute("CONFIG", "SET", "maxmemory", 0)
    assert isinstance(outcome, StoreUnavailable) is (after[0] == (50, True))
    assert await limits(ledger, *QUOTAS) == after


@pytest.mark.parametrize("asked", [{}, {TODAY: 1, budget(100, subject="u:2"): 1}])
async def test_an_override_is_of_one_subject(store, asked):
    """Limits of nobody and of several are a mistake of the program."""
    ledger, _ = await ledger_at(store)
    with pytest.raises(ValueError, match="unpack"):
        await ledger.override(COMPANY, asked, "ops")


async def test_every_answer_tells_an_override_from_the_file_s_limit(store):
    """Read, reserve, extend, refusal and report say the same of a budget's limit."""
    ledger, _ = await ledger_at(store)
    await ledger.override(COMPANY, {WEEK: 60}, "ops")
    lease = await hold(ledger, "call", *QUOTAS, prompt=10, want=10)
    refusal = await ledger.reserve(order("more", *QUOTAS, prompt=50))
    await ledger.extend(lease, 50)
    extension = await ledger.extend(lease, 51)
    report = await ledger.report(Report("one", "d", 60, COMPANY, QUOTAS, (5, 5, 5), NO_ROLLUP, "who"))
    for levels in (lease.levels, refusal.levels, report.levels, await ledger.read(COMPANY, QUOTAS)):
        assert [(level.limit, level.is_override) for level in levels] == [(100, False), (60, True), (100, False)]
    assert (extension.refused_by.limit, extension.refused_by.is_override) == (60, True)


async def test_what_was_used_stays_when_a_limit_changes(store):
    """Setting and clearing a limit touches no count."""
    ledger, _ = await ledger_at(store)
    await charge(ledger, "call", 30, *QUOTAS)
    for limit in (5, -1, None):
        await ledger.override(COMPANY, dict.fromkeys(QUOTAS, limit), "ops")
        assert [level.used for level in await ledger.read(COMPANY, QUOTAS)] == [30, 30, 30]
