"""Windows as pure arithmetic: bucket widths, calendar bounds in a zone, and the words for them.

Nothing runs at midnight: the store picks the window by its own clock from the two candidates computed here.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from gateway.model import Calendar, Fixed, Lifetime, Period, Rolling, Window

_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
DAY_MS = 24 * _HOUR_MS
MAX_BUCKETS = 480
"""Full buckets a rolling window may have, so that its hash stays a compact listpack."""

_WIDTHS_MS = (
    *(minutes * _MINUTE_MS for minutes in (1, 5, 15, 30)),
    *(hours * _HOUR_MS for hours in (1, 2, 3, 4, 6, 8, 12, 24)),
)
_PERIOD_SECONDS = {Period.DAY: 86_400, Period.WEEK: 7 * 86_400, Period.MONTH: 30 * 86_400}


@cache
def bucket_width_ms(days: int) -> int:
    """Give the smallest bucket width that cuts a window of `days` (1 to 480) into at most 480 equal buckets."""
    for width_ms in _WIDTHS_MS:
        if days * DAY_MS <= MAX_BUCKETS * width_ms and days * DAY_MS % width_ms == 0:
            return width_ms
    raise ValueError(f"a rolling window has 1 to {MAX_BUCKETS} days, not {days}")


def full_buckets(days: int) -> int:
    """Give how many full buckets a rolling window has; the current one lives beside them."""
    return days * DAY_MS // bucket_width_ms(days)


def leaves_at_ms(window: Window, bucket: int) -> int | None:
    """Give the instant at which a bucket of a rolling window leaves it; None for other windows."""
    if not isinstance(window, Rolling):
        return None
    return (bucket + full_buckets(window.days) + 1) * bucket_width_ms(window.days)


def bounds_ms(period: Period, zone: str, now_ms: int) -> tuple[int, int]:
    """Give the calendar window that holds `now_ms`: [start, end) as instants; weeks start on Monday 00:00."""
    tz = ZoneInfo(zone)
    today = datetime.fromtimestamp(now_ms / 1000, tz).date()
    first = _first_day(period, today)
    return _midnight_ms(first, tz), _midnight_ms(_next_first_day(period, first), tz)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Two consecutive calendar windows, [start, end) each in ms; the second begins where the first ends."""

    start_ms: int
    end_ms: int
    next_start_ms: int
    next_end_ms: int


def candidates(period: Period, zone: str, now_ms: int) -> Candidates:
    """Give the window around `now_ms` and the one after it."""
    start_ms, end_ms = bounds_ms(period, zone, now_ms)
    return Candidates(start_ms, end_ms, *bounds_ms(period, zone, end_ms))


class CandidateCache:
    """Remembers the candidates of each (period, zone) until their first window ends: no zone arithmetic per call."""

    def __init__(self) -> None:
        self._known: dict[tuple[Period, str], Candidates] = {}

    def at(self, period: Period, zone: str, now_ms: int) -> Candidates:
        """Give the candidates for `now_ms`."""
        known = self._known.get((period, zone))
        if known is None or not known.start_ms <= now_ms < known.end_ms:
            known = self._known[period, zone] = candidates(period, zone, now_ms)
        return known


def code(window: Window) -> str:
    """Give a window's short name, in budget ids and on the wire: `30d`, `day`, `week`, `month`, `60s`, `lifetime`."""
    return window.code


def length_seconds(window: Window) -> int | None:
    """Give a window's nominal length in seconds (a month counts 30 days); None for a lifetime."""
    match window:
        case Rolling(days):
            return days * 86_400
        case Calendar(period):
            return _PERIOD_SECONDS[period]
        case Fixed(seconds):
            return seconds
        case Lifetime():
            return None


def _first_day(period: Period, day: date) -> date:
    match period:
        case Period.DAY:
            return day
        case Period.WEEK:
            return day - timedelta(days=day.weekday())
        case Period.MONTH:
            return day.replace(day=1)


def _next_first_day(period: Period, first: date) -> date:
    match period:
        case Period.DAY:
            return first + timedelta(days=1)
        case Period.WEEK:
            return first + timedelta(days=7)
        case Period.MONTH:
            return (first + timedelta(days=31)).replace(day=1)


def _midnight_ms(day: date, tz: ZoneInfo) -> int:
    """Give the first instant of a local day: where midnight is skipped, the instant that the clocks jump."""
    return round(datetime(day.year, day.month, day.day, tzinfo=tz).timestamp() * 1000)
