"""Calendar windows on a real store: they roll when they are touched, by the store's clock, and never backwards."""

import asyncio
from datetime import UTC, datetime

import pytest

from gateway.budget import Ledger
from gateway.model import Calendar, Fixed, Period, Rolling
from tests.budget.clock import START_MS, ledger_at, stoppable
from tests.budget.orders import COMPANY, DAY, HOUR, MINUTE, NO_ROLLUP, budget, charge, contents, hold, numbers

ROME = "Europe/Rome"


def utc(text: str) -> int:
    """Give an instant in ms."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def day(zone: str = "UTC"):
    """Give a user's day."""
    return budget(1000, Calendar(Period.DAY), "day", zone=zone)


@pytest.mark.parametrize(
    ("period", "zone", "first", "end"),
    [
        pytest.param(Period.DAY, ROME, "2025-12-01T23:00", "2025-12-02T23:00", id="an ordinary day"),
        pytest.param(Period.DAY, ROME, "2026-03-28T23:00", "2026-03-29T22:00", id="a day of 23 hours"),
        pytest.param(Period.DAY, ROME, "2026-10-24T22:00", "2026-10-25T23:00", id="a day of 25 hours"),
        pytest.param(Period.WEEK, ROME, "2026-03-22T23:00", "2026-03-29T22:00", id="Monday after the clocks changed"),
        pytest.param(Period.WEEK, "UTC", "2025-12-29T00:00", "2026-01-05T00:00", id="Monday across the year"),
        pytest.param(Period.DAY, "UTC", "2028-02-29T00:00", "2028-03-01T00:00", id="the leap day"),
        pytest.param(Period.MONTH, "UTC", "2028-02-01T00:00", "2028-03-01T00:00", id="February of a leap year"),
        pytest.param(Period.MONTH, "UTC", "2026-02-01T00:00", "2026-03-01T00:00", id="February"),
        pytest.param(Period.MONTH, ROME, "2026-02-28T23:00", "2026-03-31T22:00", id="March in Rome, 743 hours"),
        pytest.param(Period.MONTH, ROME, "2026-11-30T23:00", "2026-12-31T23:00", id="the year's last month"),
    ],
)
async def test_a_window_lasts_from_its_first_to_its_last_millisecond(store, period, zone, first, end):
    """What is charged at a window's first instant counts until its last, and not one millisecond longer."""
    ledger, clock = await ledger_at(store, utc(first))
    one = budget(1000, Calendar(period), zone=zone)
    await charge(ledger, "first", 5, one)
    await clock.move_to(utc(end) - 1)
    await charge(ledger, "last", 7, one)
    (level,) = await ledger.read(COMPANY, [one])
    assert (level.used, level.resets_at_ms) == (12, utc(end))
    await clock.move_to(utc(end))
    assert await numbers(ledger, one) == ((0, 0),)
    await charge(ledger, "next", 1, one)
    assert await numbers(ledger, one) == ((1, 0),)


async def test_nothing_runs_at_midnight(store):
    """When only time passes nothing is written: not at midnight, not by reading, not in a month."""
    ledger, clock = await ledger_at(store, START_MS + DAY - 1)
    some = (day(), day(ROME), budget(1000, Calendar(Period.MONTH), "month"), budget(1000, Rolling(1)))
    await charge(ledger, "call", 9, *some)
    before = await contents(store)
    for step_ms in (1, HOUR, DAY, 40 * DAY):
        await clock.advance(step_ms)
        assert await contents(store) == before
        await ledger.read(COMPANY, some)
        assert await contents(store) == before
    assert await numbers(ledger, *some) == ((0, 0),) * 4


@pytest.mark.parametrize(
    ("old", "new", "old_end", "new_end"),
    [
        ("Europe/Rome", "America/New_York", "2025-12-01T23:00", "2025-12-02T05:00"),
        ("America/New_York", "Europe/Rome", "2025-12-02T05:00", "2025-12-02T23:00"),
        ("UTC", "Asia/Kolkata", "2025-12-02T00:00", "2025-12-02T18:30"),
    ],
)
async def test_a_new_zone_takes_effect_at_the_next_reset(store, old, new, old_end, new_end):
    """The running window keeps its end; the first window of the new zone begins there, without gap or overlap."""
    ledger, clock = await ledger_at(store, utc("2025-12-01T12:00"))
    await charge(ledger, "before", 5, day(old))
    moved = day(new)
    await charge(ledger, "after", 6, moved)
    (level,) = await ledger.read(COMPANY, [moved])
    assert (level.used, level.resets_at_ms) == (11, utc(old_end))
    await clock.move_to(utc(old_end))
    lease = await charge(ledger, "next", 7, moved)
    assert (lease.positions[0].start, lease.positions[0].mark) == (utc(old_end), utc(new_end))
    assert await numbers(ledger, moved) == ((7, 0),)
    await clock.move_to(utc(new_end))
    assert await numbers(ledger, moved) == ((0, 0),)


@pytest.mark.parametrize("back_ms", [1, HOUR, DAY, 40 * DAY])
async def test_a_store_clock_that_steps_back_moves_no_window_back(store, back_ms):
    """A window that has begun stays, with all that it counted, until its own end."""
    ledger, clock = await ledger_at(store)
    some = (day(), budget(1000, Fixed(60), "minute"))
    await charge(ledger, "before", 10, *some)
    await clock.advance(-back_ms)
    await charge(ledger, "meanwhile", 5, *some)
    levels = await ledger.read(COMPANY, some)
    assert [(level.used, level.resets_at_ms) for level in levels] == [(15, START_MS + DAY), (15, START_MS + MINUTE)]
    await clock.move_to(START_MS + MINUTE - 1)
    assert await numbers(ledger, *some) == ((15, 0), (15, 0))


@pytest.mark.parametrize("skew_ms", [-400 * DAY, -DAY, -HOUR, -1, 1, HOUR, DAY, 2 * DAY, 400 * DAY])
async def test_a_gateway_whose_clock_is_wrong_counts_in_the_right_window(store, skew_ms):
    """The first call of a gateway that knows nothing yet lands in the window that the store's clock names."""
    ledger, clock = await ledger_at(store, START_MS + DAY - 1)
    clock.skew_ms = skew_ms
    lease = await charge(ledger, "call", 5, day())
    assert lease.admitted_ms == clock.now_ms
    assert (lease.positions[0].start, lease.positions[0].mark) == (START_MS, START_MS + DAY)
    await clock.advance(1)
    assert await numbers(ledger, day()) == ((0, 0),)


async def test_a_gateway_learns_the_store_s_time_from_every_answer(store):
    """After one answer its idea of now is the store's, however wrong its own clock is or becomes."""
    ledger, clock = await ledger_at(store)
    for skew_ms in (0, 5 * HOUR, -9 * DAY):
        clock.skew_ms = skew_ms
        await ledger.read(COMPANY, [budget(1)])
        assert ledger.now_ms() == clock.now_ms


async def test_a_gateway_that_lags_behind_midnight_asks_once(store):
    """It names the next day too: a clock that is a little late costs no second question."""
    ledger, clock = await ledger_at(store, START_MS + DAY - 1)
    await ledger.read(COMPANY, [day()])
    await store.execute("CONFIG", "RESETSTAT")
    clock.skew_ms = -1
    await clock.advance(1)
    assert (await hold(ledger, "call", day(), prompt=5)).positions[0].start == START_MS + DAY
    assert (await store.execute("INFO", "commandstats"))["cmdstat_evalsha"]["calls"] == 1


async def test_two_gateways_whose_clocks_disagree_share_one_window(store):
    """Around midnight, one a day early and one hours late: both charge the same day, then the same next one."""
    early, clock = await ledger_at(store, START_MS + DAY - 2)
    late = Ledger(store, stoppable(), lease_seconds=60, clock=lambda: clock.now_ms / 1000 - 7 * 3600)
    clock.skew_ms = DAY
    for n, expected in enumerate([2, 4, 2, 4]):
        await asyncio.gather(charge(early, f"early-{n}", 1, day()), charge(late, f"late-{n}", 1, day()))
        assert await numbers(early, day()) == await numbers(late, day()) == ((expected, 0),)
        await clock.advance(1)


async def test_a_call_past_midnight_is_charged_to_the_day_it_began(store):
    """Its hold and its charge belong to yesterday: today begins with nothing used and nothing held."""
    ledger, clock = await ledger_at(store, START_MS + DAY - 1)
    lease = await hold(ledger, "night", day(), prompt=900)
    await clock.advance(1)
    assert await numbers(ledger, day()) == ((0, 0),)
    await charge(ledger, "morning", 1000, day())
    assert await ledger.settle(lease, [500], NO_ROLLUP) == "settled"
    assert await numbers(ledger, day()) == ((1000, 0),)


async def test_yesterday_is_still_charged_while_nobody_has_begun_today(store):
    """A settle after midnight that comes before the day's first call does not leak into the day."""
    ledger, clock = await ledger_at(store, START_MS + DAY - 1)
    lease = await hold(ledger, "night", day(), prompt=900)
    await clock.advance(HOUR)
    await ledger.settle(lease, [500], NO_ROLLUP)
    assert await numbers(ledger, day()) == ((0, 0),)
    await clock.advance(-HOUR)
    assert await numbers(ledger, day()) == ((500, 0),)
