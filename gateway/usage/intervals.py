"""Owns reading the roll-ups back by interval: a day, a month, any days, added up for each user and agent.

Sums of days are sums; sessions are counted once, however many days they span. Nothing is held but the names of who had
traffic in the interval and one batch of them.
"""

from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.store.connection import Store
from gateway.usage import keys
from gateway.usage.names import UsageKey
from gateway.usage.queries import BATCH, Counts, Totals, amounts
from gateway.usage.scans import hashes, pages, union_sizes

_DAYS_AT_ONCE = 512

Traffic = Mapping[str, Sequence[date]]
"""The days on which each `user|agent` pair had traffic."""


@dataclass(frozen=True, slots=True)
class Interval:
    """The days (UTC) from `first` to the one before `until`."""

    first: date
    until: date

    def days(self) -> Iterator[date]:
        """Give them in order."""
        return (self.first + timedelta(days=n) for n in range((self.until - self.first).days))


@dataclass(frozen=True, slots=True)
class Consumption:
    """What one user consumed through one agent in an interval; None is nobody in particular.

    `valid_sessions` had a chargeable completion, `deep_sessions` one with deep thought.
    """

    user_id: str | None
    agent_id: str | None
    counts: Mapping[UsageKey, Counts]
    totals: Totals
    sessions: int
    valid_sessions: int
    deep_sessions: int


async def consumption(
    store: Store,
    company_id: str,
    intervals: Sequence[Interval],
    *,
    user_id: str | None = None,
    agent_id: str | None = None,
) -> AsyncIterator[tuple[Interval, list[Consumption]]]:
    """Give batches of each interval's consumption, ordered by user and agent: everybody's, or a user's or an agent's.

    Raises StoreUnavailable.
    """
    match = keys.pairs_like(user_id, agent_id)
    busy = await _busy_days(store, company_id, intervals)
    for interval in intervals:
        traffic = await _traffic(store, company_id, [day for day in interval.days() if day in busy], match)
        for batch in _batches(traffic):
            yield interval, await _consumed(store, company_id, batch)


async def _busy_days(store: Store, company_id: str, intervals: Sequence[Interval]) -> set[date]:
    days = [day for interval in intervals for day in interval.days()]
    busy: set[date] = set()
    for at in range(0, len(days), _DAYS_AT_ONCE):
        asked = days[at : at + _DAYS_AT_ONCE]
        sizes = await store.pipeline([("SCARD", keys.index(company_id, day)) for day in asked])
        busy.update(day for day, size in zip(asked, sizes, strict=True) if size)
    return busy


async def _traffic(store: Store, company_id: str, days: Sequence[date], match: str) -> Traffic:
    found: dict[str, list[date]] = {}
    for day in days:
        async for _, members in pages(store, "SSCAN", [keys.index(company_id, day)], match):
            for member in members:
                known = found.setdefault(member.decode(), [])
                if day not in known[-1:]:
                    known.append(day)
    return found


def _batches(traffic: Traffic) -> Iterator[Traffic]:
    """Cut into pieces of at most `BATCH` records, or of one pair with all its days."""
    batch: dict[str, Sequence[date]] = {}
    records = 0
    for pair in sorted(traffic):
        days = traffic[pair]
        if batch and records + len(days) > BATCH:
            yield batch
            batch, records = {}, 0
        batch[pair] = days
        records += len(days)
    if batch:
        yield batch


async def _consumed(store: Store, company_id: str, traffic: Traffic) -> list[Consumption]:
    def names(letter: str, pair: str) -> list[str]:
        return [keys.rollup(letter, company_id, day, pair) for day in traffic[pair]]

    usages = iter(await hashes(store, [name for pair in traffic for name in names(keys.USAGE, pair)]))
    sessions = iter(await union_sizes(store, [names(letter, pair) for pair in traffic for letter in keys.SESSIONS]))
    found = []
    for pair, days in traffic.items():
        counts, totals = amounts(_sum(next(usages) for _ in days))
        user_id, agent_id = keys.parse_pair(pair)
        found.append(Consumption(user_id, agent_id, counts, totals, *(next(sessions) for _ in keys.SESSIONS)))
    return found


def _sum(usages: Iterator[Mapping[bytes, bytes]]) -> Counter[bytes]:
    sums: Counter[bytes] = Counter()
    for usage in usages:
        for name, amount in usage.items():
            sums[name] += int(amount)
    return sums
