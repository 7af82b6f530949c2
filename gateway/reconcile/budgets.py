"""Owns comparing one budget: what is used in its window, and what is held.

The rule that matters: what is held is what live leases hold, and a repair adds them up again; it lowers none of theirs.
"""

from datetime import date

from gateway.model import Calendar, Fixed, Lifetime, Rolling, Unit
from gateway.reconcile.bench import (
    BUSY,
    DONE,
    MOST_ROLLUPS,
    TRIES,
    WOULD,
    Bench,
    by_rollups,
    day_of,
    days_between,
    mended,
    seen,
    start_of,
    why_not,
)
from gateway.reconcile.drift import Verdict, What, judge
from gateway.reconcile.holdings import Holding
from gateway.reconcile.looking import Look, Mending, begin
from gateway.reconcile.rolling import compare_rolling

_FOREVER = 1 << 62


async def compare(bench: Bench, holding: Holding, now_ms: int) -> None:
    """Compare one budget and repair it if asked to."""
    budget = holding.budget
    if budget.unit is Unit.IN_FLIGHT:
        await _held(bench, holding, now_ms)
    elif isinstance(budget.window, Rolling):
        await compare_rolling(bench, holding, now_ms)
        await _held(bench, holding, now_ms)
    else:
        await _window(bench, holding, now_ms)
        await _held(bench, holding, now_ms)


async def _held(bench: Bench, holding: Holding, now_ms: int) -> None:
    """Compare what is held with the live leases: the repair adds them up again, so none of theirs is lost."""
    for _ in range(TRIES):
        one = await seen(bench, holding, (), now_ms)
        stands = one.state.held if one and one.state else 0
        if one is None or stands == one.held or _is_over(holding, one):
            return
        remedy = WOULD
        if bench.repairs:
            used = one.state.used if one.state else 0
            if not await mended(bench, holding, one, Mending(used), "held"):
                continue
            remedy = DONE
        bench.found(holding, What.HELD, None, stands, Verdict(one.held, "leases"), remedy)
        return
    bench.note(holding, BUSY)


def _is_over(holding: Holding, one: Look) -> bool:
    """Say whether the stored window has passed: the next call of its holder begins another."""
    is_window = isinstance(holding.budget.window, Calendar | Fixed)
    return is_window and one.state is not None and one.state.mark <= one.now_ms


async def _window(bench: Bench, holding: Holding, now_ms: int) -> None:
    days = await _days(bench, holding, now_ms)
    for _ in range(TRIES):
        one = await seen(bench, holding, days, now_ms)
        if one is None or _is_over(holding, one):
            return
        verdict = _judged(bench, holding, one, now_ms, has_days=bool(days))
        if verdict is None:
            bench.note(holding, why_not(holding, has_days=bool(days)))
            return
        stands = one.state.used if one.state else 0
        is_readable = one.state is not None or not one.line
        if verdict.should == stands and is_readable:
            return
        remedy = verdict.doubt or WOULD
        if bench.repairs and not verdict.doubt:
            if not await mended(bench, holding, one, Mending(verdict.should), "used"):
                continue
            remedy = DONE
        bench.found(holding, What.USED, _first_day(one, days), stands, verdict, remedy)
        return
    bench.note(holding, BUSY)


async def _days(bench: Bench, holding: Holding, now_ms: int) -> list[date]:
    """Give the days so far of the window that holds now; none where the roll-ups cannot tell of it."""
    if isinstance(holding.budget.window, Lifetime):
        return []
    days = [day for day in days_between(*begin(holding.budget, now_ms)) or () if start_of(day) <= now_ms]
    rollups = sum(len(pairs) for pairs in (await bench.traffic.of(days)).values())
    if rollups > MOST_ROLLUPS:
        bench.note(holding, f"its window has more than {MOST_ROLLUPS:,} roll-ups: compared with the events alone")
        return []
    return days


def _judged(bench: Bench, holding: Holding, one: Look, now_ms: int, *, has_days: bool) -> Verdict | None:
    bounds = begin(holding.budget, now_ms)
    stored = (one.state.start, one.state.mark) if one.state else bounds
    rollups = by_rollups(holding, one.sums.values()) if has_days and stored == bounds else None
    return judge(one.state.used if one.state else 0, _by_events(bench, holding, *stored), rollups)


def _first_day(one: Look, days: list[date]) -> date | None:
    if one.state and one.state.start:
        return day_of(one.state.start)
    return days[0] if days else None


def _by_events(bench: Bench, holding: Holding, from_ms: int, to_ms: int) -> int | None:
    budget = holding.budget
    if holding.why_without_events() is not None or not bench.stream.covers(from_ms):
        return None
    until = _FOREVER if isinstance(budget.window, Lifetime) else to_ms
    return sum(amount for at, amount in bench.stream.charged(budget.subject, budget.id) if from_ms <= at < until)
