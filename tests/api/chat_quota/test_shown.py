"""The fifteen fields: their order, limits of each kind, and the instants at which the periods end."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from gateway.api.chat_quota.shown import shown
from gateway.budget import Rules
from gateway.budget.windows import bounds_ms
from gateway.model import Company, Enforcement, Level, Period, Quotas, RollingBudget, User
from gateway.pipeline.limits import instant
from gateway.store.connection import Store
from tests.budget.clock import START_MS, ledger_at
from tests.budget.orders import COMPANY, DAY, HOUR, charge

USER = User("22222222-2222-4222-8222-222222222222", "ada", COMPANY)
RULES = Rules(Quotas(1000, -1, 0), Enforcement.HARD, ())
FIELDS = [
    f"{period}_{field}"
    for period in ("daily", "weekly", "monthly")
    for field in ("limit", "usage", "remaining", "reset_at", "system_default")
]


def company(zone: str = "UTC") -> Company:
    """Give the company in a zone."""
    return Company(COMPANY, "acme", RollingBudget(10**6, 30), zone)


def levels(zone: str, local: str, *, used: int = 0) -> list[Level]:
    """Give the levels of a user at a local time, nothing set through an API."""
    now_ms = round(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)
    budgets = RULES.quota_budgets(company(zone), USER)
    ends = [bounds_ms(period, zone, now_ms)[1] for period in Period]
    return [Level(budget, budget.limit, used, 7, end) for budget, end in zip(budgets, ends, strict=True)]


def test_the_fields_stand_in_the_order_of_the_document() -> None:
    """Fifteen, day before week before month."""
    assert list(shown(levels("UTC", "2026-11-21T12:00"))) == FIELDS


@pytest.mark.parametrize(
    ("limit", "is_override", "used", "found"),
    [
        (1000, False, 0, (None, 1000)),
        (1000, False, 999, (None, 1)),
        (1000, False, 2000, (None, 0)),
        (1000, True, 0, (1000, 1000)),
        (5, True, 3, (5, 2)),
        (5, True, 5, (5, 0)),
        (0, True, 0, (0, 0)),
        (-1, True, 9, (-1, None)),
        (-1, False, 9, (None, None)),
    ],
)
def test_limit_and_remaining(limit: int, is_override: bool, used: int, found: tuple[int | None, int | None]) -> None:
    """`limit` is what an API has set; `remaining` is of the limit in force, without what is held, null if unlimited."""
    budgets = RULES.quota_budgets(company(), USER)
    body = shown([Level(budget, limit, used, 7, 0, is_override) for budget in budgets])
    for period, default in (("daily", 1000), ("weekly", -1), ("monthly", 0)):
        assert (body[f"{period}_limit"], body[f"{period}_remaining"]) == found
        assert (body[f"{period}_usage"], body[f"{period}_system_default"]) == (used, default)


@pytest.mark.parametrize(
    ("zone", "local", "day", "week", "month"),
    [
        ("UTC", "2026-11-21T12:00:00", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z", "2026-12-01T00:00:00Z"),
        ("UTC", "2026-11-22T23:59:59.999", "2026-11-23T00:00:00Z", "2026-11-23T00:00:00Z", "2026-12-01T00:00:00Z"),
        # On a Monday the week ends seven days on.
        ("UTC", "2026-11-23T00:00:00", "2026-11-24T00:00:00Z", "2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z"),
        ("UTC", "2026-12-31T23:00:00", "2027-01-01T00:00:00Z", "2027-01-04T00:00:00Z", "2027-01-01T00:00:00Z"),
        ("UTC", "2028-02-28T12:00:00", "2028-02-29T00:00:00Z", "2028-03-06T00:00:00Z", "2028-03-01T00:00:00Z"),
        # The company's midnight, told in UTC.
        ("Europe/Rome", "2026-11-21T12:00:00", "2026-11-21T23:00:00Z", "2026-11-22T23:00:00Z", "2026-11-30T23:00:00Z"),
        (
            "America/New_York",
            "2026-11-21T21:00",
            "2026-11-22T05:00:00Z",
            "2026-11-23T05:00:00Z",
            "2026-12-01T05:00:00Z",
        ),
        (
            "Asia/Kathmandu",
            "2026-11-21T12:00:00",
            "2026-11-21T18:15:00Z",
            "2026-11-22T18:15:00Z",
            "2026-11-30T18:15:00Z",
        ),
        # A day of 23 hours, one of 25, and a midnight that the clocks skip.
        ("Europe/Rome", "2026-03-29T01:00:00", "2026-03-29T22:00:00Z", "2026-03-29T22:00:00Z", "2026-03-31T22:00:00Z"),
        ("Europe/Rome", "2026-10-25T01:00:00", "2026-10-25T23:00:00Z", "2026-10-25T23:00:00Z", "2026-10-31T23:00:00Z"),
        ("Africa/Cairo", "2026-04-23T12:00:00", "2026-04-23T22:00:00Z", "2026-04-26T21:00:00Z", "2026-04-30T21:00:00Z"),
    ],
)
def test_when_the_periods_end(zone: str, local: str, day: str, week: str, month: str) -> None:
    """The next midnight, Monday and first of a month in the company's zone, as UTC; also where nothing is limited."""
    body = shown(levels(zone, local))
    assert (body["daily_reset_at"], body["weekly_reset_at"], body["monthly_reset_at"]) == (day, week, month)


@pytest.mark.parametrize(
    ("hours", "used"),
    [
        (0, (40, 40, 40)),
        (23, (40, 40, 40)),
        (24, (0, 40, 40)),
        (7 * 24 - 1, (0, 40, 40)),
        (7 * 24, (0, 0, 40)),
        (31 * 24 - 1, (0, 0, 40)),
        (31 * 24, (0, 0, 0)),
    ],
)
async def test_reading_is_enough_to_begin_a_new_period(
    valkey_store: Store, hours: int, used: tuple[int, int, int]
) -> None:
    """Each count falls to zero at its own instant, though nobody calls and nothing is written."""
    ledger, clock = await ledger_at(valkey_store)  # a Monday, the first of December
    budgets = Rules(Quotas(), Enforcement.HARD, ()).quota_budgets(company(), USER)
    await charge(ledger, "call", 40, *budgets)
    await clock.advance(hours * HOUR)
    body = shown(await ledger.read(COMPANY, budgets))
    assert (body["daily_usage"], body["weekly_usage"], body["monthly_usage"]) == used
    assert body["daily_reset_at"] == instant(START_MS + (hours // 24 + 1) * DAY)
