"""Usage reported from outside: charged whether there is room or not, once per id."""

import pytest

from gateway.budget.lease import Report
from gateway.model import Budget, Calendar, Enforcement, Increment, Period, Rolling, Rollup, Scope, Unit
from gateway.store.connection import Store
from gateway.store.shards import prefix
from tests.budget.clock import ledger_at

COMPANY = "11111111-1111-4111-8111-111111111111"
HOUR_MS = 3_600_000
HARD = Enforcement.HARD
ROLLING = Budget("company@30d", "company", Scope.COMPANY, "c:x", Unit.TOKENS, Rolling(30), 100, HARD)
DAY = Budget("day@day", "day", Scope.COMPANY, "c:x", Unit.TOKENS, Calendar(Period.DAY), 100, HARD)


def report(
    tokens: int, *, name: str = "one", digest: str = "d", budgets: tuple[Budget, ...] = (ROLLING, DAY)
) -> Report:
    rollup = Rollup((Increment(f"{prefix(COMPANY)}u:x", "input", tokens),), (), 1000)
    return Report(name, digest, 86_400, COMPANY, (ROLLING, DAY), (tokens, tokens), rollup, "who")


async def test_a_report_may_go_over_the_limit(store: Store) -> None:
    """What was consumed is charged, also beyond the limit, and answered at once."""
    ledger, _ = await ledger_at(store)
    reported = await ledger.report(report(150))
    assert reported is not None
    assert [(level.used, level.remaining) for level in reported.levels] == [(150, 0), (150, 0)]
    assert [level.used for level in await ledger.read(COMPANY, (ROLLING, DAY))] == [150, 150]
    assert reported.levels[0].resets_at_ms == (await ledger.read(COMPANY, (ROLLING,)))[0].resets_at_ms


async def test_a_report_is_charged_once_per_id(store: Store) -> None:
    """The same report again changes nothing; another one under its id is a conflict for a day."""
    ledger, _ = await ledger_at(store)
    assert (await ledger.report(report(10))).is_new
    again = await ledger.report(report(10))
    assert (again.is_new, again.levels[0].used) == (False, 10)
    assert await ledger.report(report(11, digest="e")) is None
    assert (await ledger.report(report(5, name="two"))).levels[0].used == 15
    assert await store.execute("HGET", f"{prefix(COMPANY)}u:x", "input") == b"15"
    assert 0 < await store.execute("PTTL", f"{prefix(COMPANY)}t:one") <= 86_400_000


@pytest.mark.parametrize("hours", [1, 23, 25, 24 * 29])
async def test_a_report_belongs_to_its_moment(store: Store, hours: int) -> None:
    """A report counts in the windows of the moment it arrived."""
    ledger, clock = await ledger_at(store)
    await ledger.report(report(10))
    await clock.advance(hours * HOUR_MS)
    reported = await ledger.report(report(7, name="two"))
    assert [level.used for level in reported.levels] == [17, 17 if hours < 24 else 7]
    rolling, day = await ledger.read(COMPANY, (ROLLING, DAY))
    assert (rolling.used, day.used) == (17, 17 if hours < 24 else 7)


async def test_reports_alone_keep_a_window_bounded_and_alive(valkey_store: Store) -> None:
    """A company that only reports has one field a bucket too, and what it reports moves the end of its keys."""
    ledger, clock = await ledger_at(valkey_store)
    buckets, state = f"{prefix(COMPANY)}w:c:x:company@30d", f"{prefix(COMPANY)}b:c:x"
    for n in range(40):
        await valkey_store.pipeline([("EXPIRE", name, 1000) for name in (buckets, state)])
        await ledger.report(report(1, name=f"report-{n}"))
        assert await valkey_store.execute("HLEN", buckets) <= 4
        assert min(await valkey_store.pipeline([("TTL", name) for name in (buckets, state)])) > 1000
        await clock.advance(10 * 24 * HOUR_MS)
    rolling, day = await ledger.read(COMPANY, (ROLLING, DAY))
    assert (rolling.used, day.used) == (3, 0)
