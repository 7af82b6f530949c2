"""What a request for a bill asks for: a range of billing days and a page of them. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from gateway.errors import BadRequest

DAY_MS = 86_400_000
LATEST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999."""

MOST_PAGE_SIZE = 100
MOST_PAGE = 10**9


@dataclass(frozen=True, slots=True)
class Range:
    """Billing days from `first` to `last`, both included."""

    first: date
    last: date

    def until(self, today: date) -> list[date]:
        """Give the days in order, without those that are yet to come."""
        last = min(self.last, today)
        return [self.first + timedelta(days=n) for n in range((last - self.first).days + 1)]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of an array, counted from 1."""

    number: int = 1
    size: int = MOST_PAGE_SIZE

    def of(self, days: Sequence[date]) -> Sequence[date]:
        """Cut it out; past the end there is nothing."""
        return days[(self.number - 1) * self.size : self.number * self.size]


def read_range(query: Mapping[str, Sequence[str]], zone: tzinfo, *, most_days: int) -> Range:
    """Read `start_time` and `end_time` (ms since the epoch, both included) as billing days of a zone."""
    start_ms = _number(query, "start_time", 0, LATEST_MS)
    end_ms = _number(query, "end_time", 0, LATEST_MS)
    if start_ms > end_ms:
        raise _invalid("end_time", "is before start_time")
    if end_ms - start_ms >= most_days * DAY_MS:
        raise _invalid("end_time", f"is more than {most_days} days after start_time")
    return Range(day_of(start_ms, zone), day_of(end_ms, zone))


def read_page(query: Mapping[str, Sequence[str]]) -> Page:
    """Read `page` and `page_size`, which may both be left out."""
    number = _number(query, "page", 1, MOST_PAGE) if "page" in query else 1
    size = _number(query, "page_size", 1, MOST_PAGE_SIZE) if "page_size" in query else MOST_PAGE_SIZE
    return Page(number, size)


def day_of(at_ms: int, zone: tzinfo) -> date:
    """Give the billing day of an instant."""
    try:
        return datetime.fromtimestamp(at_ms // 1000, UTC).astimezone(zone).date()
    except OverflowError:  # the year 10000 has begun in the zone
        return date.max


def _number(query: Mapping[str, Sequence[str]], name: str, least: int, most: int) -> int:
    values = query.get(name, ())
    if len(values) != 1:
        raise _invalid(name, "is required" if not values else "is given more than once")
    text = values[0]
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(LATEST_MS)) and least <= int(text) <= most):
        raise _invalid(name, f"is no whole number from {least} to {most}")
    return int(text)


def _invalid(name: str, why: str) -> BadRequest:
    return BadRequest(f"Invalid parameter(s): {name} {why}.", param=name)
