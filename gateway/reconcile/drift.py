"""Owns what is right where numbers differ, and the values that say so. Pure.

The rule that matters: nothing is lost. Events that reach back far enough are the truth. Without them the roll-ups may
raise a counter and never lower it; and events lower one only where the roll-ups do not say more than they.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class What(StrEnum):
    """What was compared."""

    USED = "used"
    BUCKETS = "used in its buckets"
    HELD = "held"
    ROLLUP = "roll-up"
    INDEX = "index of the day"
    LEASES = "leases"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Drift:
    """One number that is not what it should be; `holder` is a user, key or agent by name, if it is one's.

    `stands` and `should` are the numbers as text, `by` says by what. `remedy` is what was done, or why nothing is.
    """

    company: str
    holder: str
    budget: str
    day: date | None
    what: What
    stands: str
    should: str
    by: str
    remedy: str
    is_open: bool = True


@dataclass(frozen=True, slots=True)
class Note:
    """What could not be compared, and why."""

    company: str
    budget: str
    why: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a number should be, by which witness; `doubt` says why it is not to be changed."""

    should: int
    by: str
    doubt: str = ""


EVENTS, ROLLUPS = "events", "roll-ups"


def judge(stands: int, events: int | None, rollups: int | None) -> Verdict | None:
    """Give what a counter should be by its witnesses, each None where it cannot tell; None where neither can."""
    if events is not None:
        is_contested = events < stands and rollups is not None and rollups > events
        return Verdict(events, EVENTS, f"the roll-ups say {rollups:,}" if is_contested else "")
    if rollups is None:
        return None
    return Verdict(rollups, ROLLUPS, "no event is left to tell which is right" if rollups < stands else "")
