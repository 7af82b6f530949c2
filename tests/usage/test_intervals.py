"""Reading the roll-ups back by interval from a real store after charges of a real room."""

from collections.abc import Sequence
from datetime import date

import pytest

from gateway.model import Usage, User
from gateway.store.connection import Store
from gateway.usage import Consumption, Interval, Totals, consumption, parse_usage_key
from gateway.usage.queries import BATCH
from tests.usage.charges import ADA, BOB, COMPANY_ID, DAY_MS, DT, HELPDESK, LOCAL, NOON_MS, charge, rollups
from tests.usage.test_queries import RIVAL_ID, apply

NOVEMBER = Interval(date(2026, 11, 1), date(2026, 12, 1))
DECEMBER = Interval(date(2026, 12, 1), date(2027, 1, 1))
NOON = Interval(date(2026, 11, 21), date(2026, 11, 22))

Found = list[tuple[Interval, Consumption]]


async def read(store: Store, intervals: Sequence[Interval], company_id: str = COMPANY_ID, **whose: str) -> Found:
    """Read intervals one record at a time."""
    batches = consumption(store, company_id, intervals, **whose)
    return [(interval, one) async for interval, batch in batches for one in batch]


def test_an_interval_ends_before_its_end() -> None:
    """The last day is the one before `until`."""
    days = list(NOVEMBER.days())
    assert (days[0], days[-1], len(days)) == (date(2026, 11, 1), date(2026, 11, 30), 30)


async def test_a_month_is_the_sum_of_its_days(valkey_store: Store) -> None:
    """Tokens and totals add up over days, by usage key; the next month is on its own."""
    room = rollups()
    calls = [
        (charge(), NOON_MS, Usage(100, 50)),
        (charge(purpose=DT), NOON_MS + DAY_MS, Usage(10, 5)),
        (charge(), NOON_MS + 9 * DAY_MS, Usage(1, 2)),
        (charge(LOCAL), NOON_MS + 9 * DAY_MS, Usage(7, 3)),
        (charge(), NOON_MS + 10 * DAY_MS, Usage(1000, 0)),
    ]
    await apply(valkey_store, [room.charged(used, at_ms, usage, 0) for used, at_ms, usage in calls])
    (_, november), (_, december) = await read(valkey_store, [NOVEMBER, DECEMBER])
    key = "openai|chat|sk-...abcd|gpt-4o-mini|$|QA"
    assert {"|".join(name): (counts.input, counts.output) for name, counts in november.counts.items()} == {
        key: (101, 52),
        "openai|chat|sk-...abcd|gpt-4o-mini|$|DT": (10, 5),
        "local|chat|sk-...abcd|llama3||QA": (7, 3),
    }
    assert november.totals == Totals(completions=3, completions_deep=1, free_completions=1)
    assert december.counts[parse_usage_key(key)].input == 1000


async def test_a_session_of_several_days_is_one(valkey_store: Store) -> None:
    """Sessions are counted once in a month; valid and deep ones by what they held on any day."""
    room = rollups()
    calls = [
        (charge(session="a"), 0),
        (charge(session="a"), 1),
        (charge(session="b", purpose=DT), 1),
        (charge(LOCAL, session="c"), 1),
        (charge(LOCAL, session="c"), 2),
    ]
    await apply(valkey_store, [room.charged(used, NOON_MS + day * DAY_MS, Usage(1), 1) for used, day in calls])
    ((_, month),) = await read(valkey_store, [NOVEMBER])
    assert (month.sessions, month.valid_sessions, month.deep_sessions) == (3, 2, 1)
    ((_, day),) = await read(valkey_store, [NOON])
    assert (day.sessions, day.valid_sessions, day.deep_sessions) == (1, 1, 0)


@pytest.mark.parametrize(
    ("whose", "expected"),
    [
        ({}, [(None, HELPDESK.id), (ADA.id, None), (ADA.id, HELPDESK.id), (BOB.id, HELPDESK.id)]),
        ({"user_id": ADA.id}, [(ADA.id, None), (ADA.id, HELPDESK.id)]),
        ({"agent_id": HELPDESK.id}, [(None, HELPDESK.id), (ADA.id, HELPDESK.id), (BOB.id, HELPDESK.id)]),
        ({"user_id": ADA.id, "agent_id": HELPDESK.id}, [(ADA.id, HELPDESK.id)]),
        ({"user_id": HELPDESK.id}, []),
        ({"company_id": RIVAL_ID}, []),
    ],
)
async def test_a_users_an_agents_or_everybodys(
    valkey_store: Store, whose: dict[str, str], expected: list[tuple[str | None, str | None]]
) -> None:
    """One for each user and agent together, in that order, of those that were asked for."""
    room = rollups()
    used = [charge(), charge(agent=None), charge(user=None), charge(user=BOB)]
    await apply(valkey_store, [room.charged(one, NOON_MS, Usage(1), 1) for one in used])
    found = await read(valkey_store, [NOVEMBER], **whose)
    assert [(one.user_id, one.agent_id) for _, one in found] == expected


async def test_many_users_come_in_batches(valkey_store: Store) -> None:
    """A batch holds so many days of users, or all days of one; nobody is left out or comes twice."""
    room = rollups()
    users = [User(f"{n:08x}-0000-4000-8000-000000000000", str(n), COMPANY_ID) for n in range(BATCH + 1)]
    first_of_november = NOON_MS - 20 * DAY_MS
    added = [room.charged(charge(user=user), NOON_MS, Usage(1), 1) for user in users]
    added += [room.charged(charge(), first_of_november + day * DAY_MS, Usage(1), 1) for day in range(30)]
    await apply(valkey_store, added)
    batches = [batch async for _, batch in consumption(valkey_store, COMPANY_ID, [NOVEMBER])]
    assert [len(batch) for batch in batches] == [BATCH, 2]
    found = [one for batch in batches for one in batch]
    assert [one.user_id for one in found] == sorted([ADA.id, *(user.id for user in users)])
    assert [counts.requests for counts in found[-1].counts.values()] == [30]


async def test_no_intervals_no_consumption(valkey_store: Store) -> None:
    """An empty list of intervals gives nothing."""
    assert await read(valkey_store, []) == []
