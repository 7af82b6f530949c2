"""Which thresholds a budget has passed. Integers only, no I/O; on the path of every call.

The rule that matters: only what was charged counts. What calls in flight hold may come back, and a warning cannot.
"""

from collections.abc import Sequence

from gateway.model import Fixed, Level, Lifetime, Rolling, Unit

RATE_SECONDS = 60
"""A window of at most this long limits a rate: it is full and free again before anybody has read a warning."""
_DAY_MS = 86_400_000


def passed(level: Level, thresholds: Sequence[int]) -> int:
    """Give how many of the rising `thresholds` (in percent) a budget has reached: used * 100 >= threshold * limit.

    None where there is nothing to warn of: unlimited and blocked budgets, calls in flight, rates.
    """
    hundredfold = level.used * 100
    if level.limit <= 0 or not thresholds or hundredfold < thresholds[0] * level.limit or not _is_watched(level):
        return 0
    return sum(hundredfold >= threshold * level.limit for threshold in thresholds)


def percent(level: Level) -> int:
    """Give how much of a limit above 0 is used, in whole percent, rounded down."""
    return level.used * 100 // level.limit


def ends_at_ms(level: Level) -> int | None:
    """Give when a level's window ends, on the store's clock, which tells it from the next; None where it has no end."""
    return None if isinstance(level.budget.window, Rolling | Lifetime) else level.resets_at_ms


def life_ms(level: Level) -> int:
    """Give how long a warning without an end of its window stands: as long as a rolling window is; 0 is for ever."""
    window = level.budget.window
    return window.days * _DAY_MS if isinstance(window, Rolling) else 0


def _is_watched(level: Level) -> bool:
    window = level.budget.window
    if level.budget.unit is Unit.IN_FLIGHT or (isinstance(window, Fixed) and window.seconds <= RATE_SECONDS):
        return False
    return isinstance(window, Rolling | Lifetime) or level.resets_at_ms is not None
