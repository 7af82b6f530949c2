"""Owns comparing a rolling window: day by day with what tells of that day, then its sum.

The rule that matters: what is used is what the buckets add up to. A missing charge is put where the events have it, and
without them as late in its day as may be: it must not leave the window too early.
"""

from collections.abc import Sequence
from datetime import date, timedelta

from gateway.budget.windows import DAY_MS, bucket_width_ms, full_buckets
from gateway.model import Rolling
from gateway.reconcile.bench import (
    BUSY,
    DONE,
    MOST_ROLLUPS,
    TRIES,
    WOULD,
    Bench,
    by_rollups,
    day_of,
    mended,
    seen,
    start_of,
    why_not,
)
from gateway.reconcile.drift import Verdict, What, judge
from gateway.reconcile.holdings import Holding
from gateway.reconcile.looking import Look, Mending


async def compare_rolling(bench: Bench, holding: Holding, now_ms: int) -> None:
    """Compare day by day, then the sum: what is used is what the buckets add up to."""
    window = holding.budget.window
    assert isinstance(window, Rolling)
    width, span = bucket_width_ms(window.days), full_buckets(window.days)
    first_ms = (now_ms // width - span) * width
    first, last = day_of(first_ms), day_of(now_ms)
    is_sure = True
    for n in range((last - first).days + 1):
        day = first + timedelta(days=n)
        is_sure &= await _day(bench, holding, day, max(start_of(day), first_ms), now_ms)
    await _sum(bench, holding, now_ms, is_sure=is_sure)


async def _day(bench: Bench, holding: Holding, day: date, from_ms: int, now_ms: int) -> bool:
    """Compare one day of a rolling window; False where nothing could tell."""
    for _ in range(TRIES):
        if len((await bench.traffic.of([day]))[day]) > MOST_ROLLUPS:
            bench.note(holding, f"a day has more than {MOST_ROLLUPS:,} roll-ups")
            return False
        one = await seen(bench, holding, [day], now_ms)
        if one is None:
            break
        stands, verdict, mending = _judged(bench, holding, one, day, from_ms)
        if verdict is None:
            return False
        if verdict.should == stands:
            return True
        remedy = verdict.doubt or WOULD
        if bench.repairs and not verdict.doubt:
            if not await mended(bench, holding, one, mending, f"used on {day}"):
                continue
            remedy = DONE
        bench.found(holding, What.USED, day, stands, verdict, remedy)
        return not verdict.doubt
    bench.note(holding, BUSY)
    return False


def _judged(bench: Bench, holding: Holding, one: Look, day: date, from_ms: int) -> tuple[int, Verdict | None, Mending]:
    """Give what a day's live buckets hold, what they should, and how they would be brought there."""
    window = holding.budget.window
    assert isinstance(window, Rolling)
    width = bucket_width_ms(window.days)
    places = range(from_ms // width, (start_of(day) + DAY_MS) // width)
    stands = {place: one.buckets.get(place, 0) for place in places}
    total = sum(stands.values())
    should = _buckets_by_events(bench, holding, places, width)
    rollups = by_rollups(holding, one.sums.values())
    is_cut = from_ms != start_of(day)
    if should is None and rollups is not None and is_cut and total <= rollups:
        return total, None, Mending(0)  # the rest of this day may have left the window: a bound is all there is
    if should is None and rollups and _is_newer(one, places):
        bench.note(
            holding, f"nothing is in it before {day_of(min(one.buckets) * width)}: it is newer, or that was lost"
        )
        return total, None, Mending(0)
    verdict = judge(total, None if should is None else sum(should.values()), rollups)
    if verdict is None:
        bench.note(holding, why_not(holding, has_days=True))
        return total, None, Mending(0)
    if should is None:
        # Where in the day is not known: as late as may be, for what leaves later is never forgotten too early.
        latest = min(places[-1], one.now_ms // width)
        should = {**stands, latest: stands[latest] + verdict.should - total}
    changes = tuple((place, stands[place], should[place]) for place in places if stands[place] != should[place])
    return total, verdict, Mending(0, changes)


def _is_newer(one: Look, places: Sequence[int]) -> bool:
    """Say whether a budget may have begun later: nothing so early is in it, and it adds up."""
    used = one.state.used if one.state else 0
    return bool(one.buckets) and min(one.buckets) > places[-1] and sum(one.buckets.values()) == used


def _buckets_by_events(bench: Bench, holding: Holding, places: range, width: int) -> dict[int, int] | None:
    if holding.why_without_events() is not None or not bench.stream.covers(places[0] * width):
        return None
    found = dict.fromkeys(places, 0)
    for at, amount in bench.stream.charged(holding.budget.subject, holding.budget.id):
        if at // width in found:
            found[at // width] += amount
    return found


async def _sum(bench: Bench, holding: Holding, now_ms: int, *, is_sure: bool) -> None:
    for _ in range(TRIES):
        one = await seen(bench, holding, (), now_ms)
        if one is None:
            break
        stands, total = one.state.used if one.state else 0, sum(one.buckets.values())
        if stands == total and (one.state is not None or not one.line):
            return
        doubt = "" if is_sure or total >= stands else "some of its days cannot be compared: a bucket may be lost"
        remedy = doubt or WOULD
        if bench.repairs and not doubt:
            if not await mended(bench, holding, one, Mending(total), "sum of the buckets"):
                continue
            remedy = DONE
        bench.found(holding, What.BUCKETS, None, stands, Verdict(total, "buckets"), remedy)
        return
    bench.note(holding, BUSY)
