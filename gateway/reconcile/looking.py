"""Owns the scripts of this room: looking at a budget with all that it is compared with, and changing what is wrong.

The rule that matters: each is one atomic call, so that a gateway may run beside it, and a change is made only to what
still is what was seen.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources

import msgspec

from gateway.budget import keys as ledger_keys
from gateway.budget.windows import bounds_ms, bucket_width_ms
from gateway.model import Budget, Calendar, Fixed, Lifetime, Rolling
from gateway.store.connection import Script, Store
from gateway.usage import keys as usage_keys

STATE_LIFE_SECONDS = 500 * 86_400  # as window.lua has it
_KINDS = {Rolling: "r", Calendar: "c", Fixed: "c", Lifetime: "l"}


def _script(*names: str) -> Script:
    folder = resources.files("gateway.reconcile") / "lua"
    return Script("\n".join((folder / f"{name}.lua").read_text("utf-8") for name in names))


@dataclass(frozen=True, slots=True)
class Scripts:
    """The room's scripts."""

    look: Script
    mend: Script
    restore: Script
    deadlines: Script


def load() -> Scripts:
    """Read the Lua files."""
    return Scripts(_script("held", "look"), _script("held", "mend"), _script("restore"), _script("deadlines"))


@dataclass(frozen=True, slots=True)
class State:
    """A budget's stored numbers; `start` and `mark` as prelude.lua has them."""

    start: int
    used: int
    held: int
    mark: int


@dataclass(frozen=True, slots=True)
class Sums:
    """What a roll-up adds up to; `outside` is the part that was reported and not called."""

    weighted: int
    weighted_outside: int
    requests: int
    requests_outside: int


@dataclass(frozen=True, slots=True)
class Look:
    """One budget at one instant (store's ms) and the roll-ups by day and pair; `line` is its state as text."""

    now_ms: int
    last_event: str
    line: str
    state: State | None
    held: int
    buckets: Mapping[int, int]
    sums: Mapping[tuple[date, str], Sums]


def begin(budget: Budget, now_ms: int) -> tuple[int, int]:
    """Give the start and mark that a state has which begins at this instant."""
    match budget.window:
        case Rolling(days):
            return now_ms // bucket_width_ms(days), -1
        case Calendar(period):
            return bounds_ms(period, budget.timezone, now_ms)
        case Fixed(seconds):
            start_ms = now_ms // (seconds * 1000) * seconds * 1000
            return start_ms, start_ms + seconds * 1000
        case Lifetime():
            return 0, 0


def _names(prefix: str, budget: Budget) -> list[str]:
    buckets = ledger_keys.buckets(prefix, budget)
    return [*ledger_keys.shared(prefix), ledger_keys.state(prefix, budget), buckets]


async def look(
    store: Store,
    script: Script,
    prefix: str,
    budget: Budget,
    company_id: str,
    now_ms: int,
    wanted: Mapping[date, Sequence[str]],
    sizes: Mapping[date, int],
) -> Look | None:
    """See a budget beside the roll-ups of the `wanted` pairs; None when an index has no longer its size.

    Raises StoreUnavailable.
    """
    places = [(day, pair) for day, pairs in wanted.items() for pair in pairs]
    names = [
        *_names(prefix, budget),
        *(usage_keys.index(company_id, day) for day in sizes),
        *(usage_keys.rollup(usage_keys.USAGE, company_id, day, pair) for day, pair in places),
    ]
    arguments: list[str | int] = [budget.id, begin(budget, now_ms)[0], len(sizes), *sizes.values()]
    answer = msgspec.msgpack.decode(await store.run(script, names, arguments))
    if answer[0] == "moved":
        return None
    _, at_ms, last, line, held, flat, sums = answer
    found = {place: Sums(*row) for place, row in zip(places, sums or (), strict=True)}
    buckets = dict(zip(flat[::2], flat[1::2], strict=True)) if flat else {}
    return Look(at_ms, last, line, _state(line), held, buckets, found)


def _state(line: str) -> State | None:
    try:
        return State(*(int(part) for part in line.split(":")))
    except (ValueError, TypeError):
        return None


@dataclass(frozen=True, slots=True)
class Mending:
    """What one budget is to have instead: `used` (not of a rolling window), or buckets as (index, seen, wanted)."""

    used: int
    buckets: tuple[tuple[int, int, int], ...] = ()


async def mend(
    store: Store, script: Script, prefix: str, budget: Budget, seen: Look, mending: Mending, who: str, what: str
) -> bool:
    """Change a budget's numbers and leave an event; False when they are no longer those that were seen."""
    start, mark = begin(budget, seen.now_ms)
    used = seen.state.used if seen.state else 0
    arguments: list[str | int] = [
        *(budget.id, _KINDS[type(budget.window)], seen.line, used, mending.used, start, mark),
        *(who, budget.subject, what, STATE_LIFE_SECONDS),
        *(number for bucket in mending.buckets for number in bucket),
    ]
    answer = msgspec.msgpack.decode(await store.run(script, _names(prefix, budget), arguments))
    return bool(answer[0] == "mended")
