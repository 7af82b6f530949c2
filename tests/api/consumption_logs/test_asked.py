"""What a path asks for, as tables. No server here."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.consumption_logs.asked import Asked, Kind, read_asked, read_id
from gateway.api.consumption_logs.results import Refused, Result
from gateway.usage import Interval

OLDEST, TODAY = date(2025, 10, 17), date(2026, 11, 21)


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"type": "Daily"}, Asked(Kind.DAILY, None, None)),
        ({"type": "Monthly", "from": "20260101"}, Asked(Kind.MONTHLY, date(2026, 1, 1), None)),
        (
            {"type": "Daily", "from": "20280229", "to": "00010101"},
            Asked(Kind.DAILY, date(2028, 2, 29), date(1, 1, 1)),
        ),
        (
            {"type": "Daily", "from": "00010101", "to": "99991231"},
            Asked(Kind.DAILY, date(1, 1, 1), date(9999, 12, 31)),
        ),
    ],
)
def test_what_can_be_asked(params: dict[str, str], expected: Asked) -> None:
    """A type, and days as eight digits."""
    assert read_asked(params) == expected


@pytest.mark.parametrize("text", ["daily", "DAILY", "Weekly", "Daily ", "", "0", "Monthly\n", "null"])
def test_another_type(text: str) -> None:
    """Types are written as the API writes them; it is the type that is told to be wrong, whatever the dates are."""
    with pytest.raises(Refused) as refused:
        read_asked({"type": text, "from": "x", "to": "y"})
    assert refused.value.result is Result.CONSUMPTIONLOG_INVALID_TYPE


WRONG_DATES = [
    "", "2026", "202611", "2026-11-21", "20261301", "20261100", "20260229", "20261131", "00000101", "020261121",
    "2026112", " 20261121", "20261121\n", "2026112٣", "+2026112", "-0261121", "2026_112", "1e400", "undefined", "null",
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG_DATES)
def test_no_such_day(text: str) -> None:
    """What is no day in eight digits is refused, the begin before the end."""
    for params, result in (
        ({"from": text}, Result.CONSUMPTIONLOG_INVALID_DATE_FROM_FORMAT),
        ({"from": text, "to": text}, Result.CONSUMPTIONLOG_INVALID_DATE_FROM_FORMAT),
        ({"from": "20261121", "to": text}, Result.CONSUMPTIONLOG_INVALID_DATE_TO_FORMAT),
    ):
        with pytest.raises(Refused) as refused:
            read_asked({"type": "Daily", **params})
        assert refused.value.result is result


@given(day=st.dates())
def test_every_day_can_be_asked_for(day: date) -> None:
    """There is one spelling of each."""
    text = f"{day.year:04}{day.month:02}{day.day:02}"
    assert read_asked({"type": "Daily", "from": text, "to": text}) == Asked(Kind.DAILY, day, day)


@pytest.mark.parametrize("text", ["", "x", "1", "11111111-1111-4111-8111-11111111111", "urn:uuid:" + "1" * 32])
def test_no_guid(text: str) -> None:
    """What is no GUID is refused with the result of what it should have been."""
    with pytest.raises(Refused) as refused:
        read_id({"id": text}, Result.CONSUMPTIONLOG_INVALID_MEMORI_ID)
    assert refused.value.result is Result.CONSUMPTIONLOG_INVALID_MEMORI_ID


@pytest.mark.parametrize("text", ["A" * 32, "{" + "a" * 32 + "}", "AAAAAAAA-aaaa-AAAA-aaaa-AAAAAAAAAAAA"])
def test_a_guid_in_any_spelling(text: str) -> None:
    """It becomes the one that usage is kept under."""
    assert read_id({"id": text}, Result.CONSUMPTIONLOG_INVALID_USER_ID) == "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa"


def days(first: date, last: date) -> list[Interval]:
    return [Interval(first + timedelta(days=n), first + timedelta(days=n + 1)) for n in range((last - first).days + 1)]


def month(year: int, number: int) -> Interval:
    return Interval(date(year, number, 1), date(year + number // 12, number % 12 + 1, 1))


@pytest.mark.parametrize(
    ("kind", "first", "last", "expected"),
    [
        (Kind.DAILY, date(2026, 11, 20), date(2026, 11, 20), days(date(2026, 11, 20), date(2026, 11, 20))),
        (Kind.DAILY, date(2026, 2, 27), date(2026, 3, 2), days(date(2026, 2, 27), date(2026, 3, 2))),
        (Kind.DAILY, date(2026, 11, 20), date(2026, 11, 19), []),
        (Kind.DAILY, date(2026, 11, 20), None, days(date(2026, 11, 20), TODAY)),
        (Kind.DAILY, None, None, days(OLDEST, TODAY)),
        (Kind.DAILY, date(1, 1, 1), date(9999, 12, 31), days(OLDEST, TODAY)),
        (Kind.DAILY, date(2026, 11, 22), date(2026, 11, 30), []),
        (Kind.DAILY, date(2020, 1, 1), date(2020, 12, 31), []),
        (Kind.MONTHLY, date(2026, 9, 30), date(2026, 11, 1), [month(2026, 9), month(2026, 10), month(2026, 11)]),
        (Kind.MONTHLY, date(2025, 12, 31), date(2025, 12, 31), [month(2025, 12)]),
        (Kind.MONTHLY, date(2026, 11, 30), date(2026, 11, 30), [month(2026, 11)]),
        (Kind.MONTHLY, date(2026, 11, 30), None, []),
        (Kind.MONTHLY, date(2026, 12, 1), date(2026, 12, 31), []),
        (Kind.MONTHLY, date(2025, 10, 1), date(2025, 10, 2), [month(2025, 10)]),
        (Kind.MONTHLY, date(2025, 9, 1), date(2025, 9, 30), []),
        (Kind.MONTHLY, date(2026, 11, 2), date(2026, 11, 1), []),
        (
            Kind.MONTHLY,
            None,
            None,
            [month(2025, 10), month(2025, 11), month(2025, 12), *(month(2026, number) for number in range(1, 12))],
        ),
    ],
)
def test_the_intervals_of_a_range(kind: Kind, first: date | None, last: date | None, expected: list[Interval]) -> None:
    """Each that touches the range, whole; nothing that is forgotten or yet to come."""
    assert Asked(kind, first, last).intervals(OLDEST, TODAY) == expected


@given(kind=st.sampled_from(Kind), first=st.none() | st.dates(), last=st.none() | st.dates())
def test_any_range_is_a_bounded_number_of_intervals(kind: Kind, first: date | None, last: date | None) -> None:
    """They follow on each other, and there are never more than days are remembered."""
    found = Asked(kind, first, last).intervals(OLDEST, TODAY)
    assert len(found) <= (TODAY - OLDEST).days + 1
    assert all(one.until == next_one.first for one, next_one in pairwise(found))
    assert all(one.first <= TODAY and one.until > OLDEST for one in found)
