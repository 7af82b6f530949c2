"""Windows roll right: bucket widths, DST days, Mondays, leap days, zones; pure."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.budget.windows import (
    DAY_MS,
    MAX_BUCKETS,
    CandidateCache,
    bounds_ms,
    bucket_width_ms,
    candidates,
    code,
    length_seconds,
)
from gateway.model import Calendar, Fixed, Lifetime, Period, Rolling

HOUR_MS = 3_600_000
ZONES = [
    "UTC",
    "Europe/Rome",
    "America/New_York",
    "Asia/Kolkata",
    "Pacific/Apia",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "America/Havana",
    "Africa/Cairo",
]


def at(text: str, zone: str = "UTC") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("days", "width_ms"),
    [
        (1, 5 * 60_000),
        (2, 15 * 60_000),
        (7, 30 * 60_000),
        (10, 30 * 60_000),
        (30, 2 * HOUR_MS),
        (31, 2 * HOUR_MS),
        (40, 2 * HOUR_MS),
        (90, 6 * HOUR_MS),
        (365, 24 * HOUR_MS),
        (480, 24 * HOUR_MS),
    ],
)
def test_a_rolling_window_has_the_smallest_width_that_fits(days, width_ms):
    """A window is cut into at most 480 equal buckets of the smallest listed width."""
    assert bucket_width_ms(days) == width_ms


@given(st.integers(1, 480))
def test_every_allowed_window_has_whole_buckets(days):
    """Every window of 1 to 480 days is a whole number of buckets, at most 480."""
    width_ms = bucket_width_ms(days)
    assert days * DAY_MS % width_ms == 0
    assert days * DAY_MS // width_ms <= MAX_BUCKETS


@pytest.mark.parametrize("days", [481, 10_000])
def test_a_window_above_480_days_is_refused(days):
    """A window that would need more buckets is an error that says so."""
    with pytest.raises(ValueError, match="1 to 480 days"):
        bucket_width_ms(days)


@pytest.mark.parametrize(
    ("period", "zone", "now", "start", "end"),
    [
        # Europe/Rome: 23 hours on 2026-03-29, 25 hours on 2026-10-25.
        (Period.DAY, "Europe/Rome", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),
        (Period.DAY, "Europe/Rome", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        # A Monday begins its own week; a Sunday's last second ends the one before.
        (Period.WEEK, "UTC", "2026-11-23T00:00", "2026-11-23T00:00", "2026-11-30T00:00"),
        (Period.WEEK, "UTC", "2026-11-22T23:59:59", "2026-11-16T00:00", "2026-11-23T00:00"),
        # Leap days and turns of the year.
        (Period.DAY, "UTC", "2028-02-29T08:00", "2028-02-29T00:00", "2028-03-01T00:00"),
        (Period.MONTH, "UTC", "2028-02-29T08:00", "2028-02-01T00:00", "2028-03-01T00:00"),
        (Period.MONTH, "UTC", "2026-02-28T08:00", "2026-02-01T00:00", "2026-03-01T00:00"),
        (Period.MONTH, "Asia/Kolkata", "2026-12-31T18:29:59", "2026-11-30T18:30", "2026-12-31T18:30"),
        (Period.MONTH, "Asia/Kolkata", "2026-12-31T18:30", "2026-12-31T18:30", "2027-01-31T18:30"),
        # Midnight does not exist in Beirut on 2024-03-31: the day begins when the clocks jump to 01:00.
        (Period.DAY, "Asia/Beirut", "2024-03-31T12:00", "2024-03-30T22:00", "2024-03-31T21:00"),
        # Samoa skipped 2011-12-30 altogether.
        (Period.DAY, "Pacific/Apia", "2011-12-30T09:00", "2011-12-29T10:00", "2011-12-30T10:00"),
    ],
)
def test_calendar_windows(period, zone, now, start, end):
    """A calendar window has the bounds that people in its zone would name (all instants here in UTC)."""
    assert bounds_ms(period, zone, at(now)) == (at(start), at(end))


@given(st.sampled_from(list(Period)), st.sampled_from(ZONES), st.datetimes(datetime(2005, 1, 1), datetime(2040, 1, 1)))
def test_windows_tile_time(period, zone, moment):
    """Each instant lies in exactly one window, and the next window begins where it ends."""
    now_ms = int(moment.replace(tzinfo=UTC).timestamp() * 1000)
    found = candidates(period, zone, now_ms)
    assert found.start_ms <= now_ms < found.end_ms == found.next_start_ms < found.next_end_ms
    assert bounds_ms(period, zone, found.end_ms - 1) == (found.start_ms, found.end_ms)


def test_candidates_are_computed_once_a_window():
    """The cache answers within the window and computes anew outside it, backwards too."""
    cache = CandidateCache()
    day = at("2026-11-21T00:00")
    first = cache.at(Period.DAY, "UTC", day + 5)
    assert cache.at(Period.DAY, "UTC", day + DAY_MS - 1) is first
    assert cache.at(Period.DAY, "UTC", day + DAY_MS).start_ms == day + DAY_MS
    assert cache.at(Period.DAY, "UTC", day).start_ms == day


@pytest.mark.parametrize(
    ("window", "name", "seconds"),
    [
        (Rolling(30), "30d", 30 * 86_400),
        (Calendar(Period.WEEK), "week", 7 * 86_400),
        (Fixed(60), "60s", 60),
        (Lifetime(), "lifetime", None),
    ],
)
def test_windows_have_names_and_lengths(window, name, seconds):
    """A window's name is short and says its length."""
    assert code(window) == name
    assert length_seconds(window) == seconds
