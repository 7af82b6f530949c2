"""Owns reading the roll-ups back by day. A day's index names what there is to read: nobody searches the keyspace.

Reading is bounded: at most `BATCH` records are asked for in one round trip, and of each a page at a time.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date, timedelta
from enum import StrEnum

from gateway.store.connection import Store
from gateway.usage import keys
from gateway.usage.names import UsageKey, parse_usage_key
from gateway.usage.scans import hashes, sets

BATCH = 64


@dataclass(frozen=True, slots=True)
class Counts:
    """Sums under one usage key. `estimated` is how many of the input and output tokens are estimates.

    `input` includes `cache_read` and `cache_creation`, `output` includes `reasoning`; all but `requests` are tokens.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_creation: int = 0
    reasoning: int = 0
    requests: int = 0
    estimated: int = 0
    weighted: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Add class by class."""
        return Counts(*(getattr(self, name) + getattr(other, name) for name in COUNTED))


COUNTED = tuple(item.name for item in fields(Counts))


@dataclass(frozen=True, slots=True)
class Totals:
    """What a day adds up beside tokens: the `free_` ones are of providers that are not chargeable.

    The `_deep` ones (deep thought) are part of their totals.
    """

    completions: int = 0
    completions_deep: int = 0
    free_completions: int = 0
    free_completions_deep: int = 0
    imported_chars: int = 0
    free_imported_chars: int = 0


@dataclass(frozen=True, slots=True)
class DayRecord:
    """One company, day (UTC), user and agent. Sessions are digests, so that months are unions of days.

    `valid_sessions` had a chargeable completion, `deep_sessions` one with deep thought.
    """

    company_id: str
    day: date
    user_id: str | None
    agent_id: str | None
    counts: Mapping[UsageKey, Counts] = field(default_factory=dict)
    totals: Totals = Totals()
    sessions: frozenset[str] = frozenset()
    valid_sessions: frozenset[str] = frozenset()
    deep_sessions: frozenset[str] = frozenset()


class By(StrEnum):
    """What sums can be grouped by: who and when, or a part of the usage key."""

    DAY = "day"
    MONTH = "month"
    USER = "user"
    AGENT = "agent"
    PROVIDER = "provider"
    ENDPOINT = "endpoint"
    KEY = "key"
    MODEL = "model"
    CHARGE = "charge"
    PURPOSE = "purpose"


async def days(
    store: Store, company_id: str, start: date, end: date, *, sessions: bool = True
) -> AsyncIterator[DayRecord]:
    """Give the records of `start` to `end` (both included, UTC), ordered by day, user and agent.

    Sessions are most of what there is to read: without them they are empty. Raises `StoreUnavailable`.
    """
    letters = keys.SESSIONS if sessions else ()
    for day in _days(start, end):
        pairs = sorted(await _members(store, keys.index(company_id, day)))
        for at in range(0, len(pairs), BATCH):
            for record in await _records(store, company_id, day, pairs[at : at + BATCH], letters):
                yield record


async def credits_by_day(store: Store, company_id: str, start: date, end: date) -> dict[date, dict[str, int]]:
    """Give each billing day's credits by category, in millionths; days without any are left out."""
    found: dict[date, dict[str, int]] = {}
    wanted = list(_days(start, end))
    for at in range(0, len(wanted), BATCH):
        batch = wanted[at : at + BATCH]
        replies = await store.pipeline([("HGETALL", keys.credits_hash(company_id, day)) for day in batch])
        for day, reply in zip(batch, replies, strict=True):
            bill = {name.decode(): int(micros) for name, micros in reply.items() if int(micros)}
            if bill:
                found[day] = bill
    return found


def summed(records: Iterable[DayRecord], by: Sequence[By]) -> dict[tuple[str, ...], Counts]:
    """Add records up, grouped by `by` in that order; a part that is nobody is the empty string."""
    sums: dict[tuple[str, ...], Counts] = {}
    for record in records:
        for key, counts in record.counts.items():
            group = tuple(_part(record, key, part) for part in by)
            sums[group] = sums.get(group, Counts()) + counts
    return sums


def with_key_names(
    sums: Mapping[tuple[str, ...], Counts], by: Sequence[By], names: Mapping[str, str]
) -> dict[tuple[str, ...], Counts]:
    """Give sums with keys by their names (hint -> name); a hint that has none, of a key that is gone, stays."""
    return {
        tuple(names.get(part, part) if one is By.KEY else part for part, one in zip(group, by, strict=True)): counts
        for group, counts in sums.items()
    }


def _part(record: DayRecord, key: UsageKey, by: By) -> str:
    match by:
        case By.DAY:
            return record.day.isoformat()
        case By.MONTH:
            return f"{record.day:%Y-%m}"
        case By.USER:
            return record.user_id or ""
        case By.AGENT:
            return record.agent_id or ""
        case By.KEY:
            return key.api_key
        case _:
            part: str = getattr(key, by)
            return part


def _days(start: date, end: date) -> Iterable[date]:
    return (start + timedelta(days=n) for n in range((end - start).days + 1))


async def _members(store: Store, name: str) -> set[str]:
    (members,) = await sets(store, [name])
    return {member.decode() for member in members}


async def _records(
    store: Store, company_id: str, day: date, pairs: Sequence[str], letters: Sequence[str]
) -> list[DayRecord]:
    usages = await hashes(store, [keys.rollup(keys.USAGE, company_id, day, pair) for pair in pairs])
    sessions = iter(
        await sets(store, [keys.rollup(letter, company_id, day, pair) for pair in pairs for letter in letters])
    )
    return [
        _record(company_id, day, pair, usage, *(next(sessions) for _ in letters))
        for pair, usage in zip(pairs, usages, strict=True)
    ]


def _record(company_id: str, day: date, pair: str, usage: Mapping[bytes, bytes], *sessions: set[bytes]) -> DayRecord:
    user_id, agent_id = keys.parse_pair(pair)
    counts, totals = amounts({name: int(amount) for name, amount in usage.items()})
    digests = (frozenset(member.decode() for member in members) for members in sessions)
    return DayRecord(company_id, day, user_id, agent_id, counts, totals, *digests)


def amounts(sums: Mapping[bytes, int]) -> tuple[dict[UsageKey, Counts], Totals]:
    """Take the fields of a usage hash apart, or the sums of several such hashes."""
    lines: dict[UsageKey, dict[str, int]] = {}
    totals: dict[str, int] = {}
    for name, amount in sums.items():
        kind, _, rest = name.decode().partition(":")
        if not amount:
            continue  # a late settle took back all that an expiry had charged
        if rest:
            lines.setdefault(parse_usage_key(rest), {})[kind] = amount
        else:
            totals[kind] = amount
    return {key: Counts(**line) for key, line in lines.items()}, Totals(**totals)
