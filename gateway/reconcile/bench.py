"""Owns what comparing one company takes: a consistent look at a budget, the witnesses, and where findings are kept.

The rule that matters: a look is one instant, and the events are read up to the last one of that instant, so that what
is charged meanwhile is in none of the numbers or in all of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from gateway.budget.windows import DAY_MS
from gateway.config import Config
from gateway.model import Company, Lifetime, Unit
from gateway.reconcile.drift import Drift, Note, Verdict, What
from gateway.reconcile.holdings import Holding
from gateway.reconcile.looking import Look, Mending, Scripts, Sums, look, mend
from gateway.reconcile.stream import Stream
from gateway.reconcile.traffic import Traffic
from gateway.store.connection import Store
from gateway.store.shards import prefix
from gateway.usage.keys import parse_pair

TRIES = 50
MOST_ROLLUPS = 20_000
"""Roll-ups in one look, which is one script: more would hold the store up."""

WOULD, DONE, BUSY = "--repair would", "repaired", "it changes too fast: try again when less is going on"


@dataclass(slots=True)
class Bench:
    """What comparing one company takes, and what it found."""

    config: Config
    company: Company
    store: Store
    scripts: Scripts
    stream: Stream
    traffic: Traffic
    repairs: bool
    who: str
    drifts: list[Drift] = field(default_factory=list)
    notes: dict[Note, int] = field(default_factory=dict)

    @property
    def prefix(self) -> str:
        """Give the company's shard."""
        return prefix(self.company.id)

    def note(self, holding: Holding, why: str) -> None:
        """Remember what could not be compared."""
        note = Note(self.company.name, holding.budget.name, why)
        self.notes[note] = self.notes.get(note, 0) + 1

    def holder(self, holding: Holding) -> str:
        """Give whose budget it is, by name."""
        if holding.user_id is not None:
            return self.user_name(holding.user_id)
        if holding.agent_id is not None:
            return self.config.agents[holding.agent_id].name
        subject = holding.budget.subject
        return subject.split(":", 2)[2] if subject.startswith("k:") else ""

    def user_name(self, user_id: str) -> str:
        """Give a user's name, or its id where the file has none."""
        user = self.config.users.get((self.company.id, user_id))
        return user.name if user else user_id

    def found(self, holding: Holding, what: What, day: date | None, stands: int, verdict: Verdict, remedy: str) -> None:
        """Remember a drift."""
        numbers = f"{stands:,}", f"{verdict.should:,}"
        whose = self.company.name, self.holder(holding), holding.budget.name
        self.drifts.append(Drift(*whose, day, what, *numbers, verdict.by, remedy, is_open=remedy != DONE))


def day_of(instant_ms: int) -> date:
    """Give the day (UTC) of an instant."""
    return datetime.fromtimestamp(instant_ms // 1000, UTC).date()


def start_of(day: date) -> int:
    """Give the first instant (ms) of a day (UTC)."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000


def days_between(from_ms: int, to_ms: int) -> list[date] | None:
    """Give the days (UTC) that a window is made of; None where it cuts one."""
    if from_ms % DAY_MS or to_ms % DAY_MS:
        return None
    first = day_of(from_ms)
    return [first + timedelta(days=n) for n in range((to_ms - from_ms) // DAY_MS)]


async def glance(bench: Bench, holding: Holding) -> Look:
    """Look at a budget alone: where no index is named, none can have moved."""
    one = await look(bench.store, bench.scripts.look, bench.prefix, holding.budget, bench.company.id, 0, {}, {})
    assert one is not None
    return one


async def seen(bench: Bench, holding: Holding, days: Sequence[date], now_ms: int) -> Look | None:
    """Look at a budget and the roll-ups of these days, then read the events up to that instant; None: too busy."""
    for _ in range(TRIES):
        known = await bench.traffic.of(days)
        wanted = {day: [pair for pair in pairs if holding.has_pair(*parse_pair(pair))] for day, pairs in known.items()}
        sizes = {day: len(pairs) for day, pairs in known.items()}
        one = await look(
            bench.store, bench.scripts.look, bench.prefix, holding.budget, bench.company.id, now_ms, wanted, sizes
        )
        if one is not None:
            await bench.stream.read_to(one.last_event)
            return one
        await bench.traffic.read(days)
    return None


def by_rollups(holding: Holding, sums: Iterable[Sums]) -> int | None:
    """Give what the roll-ups say that a budget was charged; None where they cannot tell."""
    if holding.why_without_rollups() is not None:
        return None
    rows = tuple(sums)
    if holding.budget.unit is Unit.REQUESTS:
        return sum(row.requests - row.requests_outside for row in rows)
    outside = 0 if holding.is_standing else sum(row.weighted_outside for row in rows)
    return sum(row.weighted for row in rows) - outside


async def mended(bench: Bench, holding: Holding, one: Look, mending: Mending, what: str) -> bool:
    """Change a budget's numbers; False when they are no longer those that were seen."""
    script, budget = bench.scripts.mend, holding.budget
    return await mend(bench.store, script, bench.prefix, budget, one, mending, bench.who, what)


def why_not(holding: Holding, *, has_days: bool) -> str:
    """Say why neither events nor roll-ups tell what a budget should have counted."""
    events = holding.why_without_events() or "the events do not reach back to where its window begins"
    is_endless = isinstance(holding.budget.window, Lifetime)
    cuts = "no roll-ups reach so far" if is_endless else "its window is not made of days in UTC, as the roll-ups are"
    rollups = holding.why_without_rollups() or ("" if has_days else cuts)
    return f"{events}; {rollups}" if rollups and rollups != events else events
