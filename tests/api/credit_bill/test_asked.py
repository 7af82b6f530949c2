"""What a bill's query means: days, zones, limits and pages; pure."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.credit_bill.asked import DAY_MS, LATEST_MS, Page, Range, day_of, read_page, read_range
from gateway.errors import BadRequest

ROME = ZoneInfo("Europe/Rome")
START = 1_732_982_400_000  # 2024-11-30T16:00:00Z, the document's example


def query(**values: str | list[str]) -> dict[str, list[str]]:
    return {name: [value] if isinstance(value, str) else value for name, value in values.items()}


def times(start: int | str, end: int | str) -> dict[str, list[str]]:
    return query(start_time=str(start), end_time=str(end))


def test_the_documents_example_is_a_month() -> None:
    """The range of the vendor's example covers a December in Hong Kong, whose first day is in it whole."""
    found = read_range(times(START, 1_735_660_799_999), ZoneInfo("Asia/Hong_Kong"), most_days=90)
    assert found == Range(date(2024, 12, 1), date(2024, 12, 31))


def test_days_are_those_of_the_billing_zone() -> None:
    """Half past eleven at night in UTC is the next day in Rome."""
    at_ms = round(datetime(2026, 6, 30, 23, 30, tzinfo=UTC).timestamp() * 1000)
    assert day_of(at_ms, UTC) == date(2026, 6, 30)
    assert day_of(at_ms, ROME) == date(2026, 7, 1)


@pytest.mark.parametrize("most_days", [90, 365])
def test_the_longest_range(most_days: int) -> None:
    """A range of exactly the most days passes, one millisecond more does not."""
    end = START + most_days * DAY_MS - 1
    assert read_range(times(START, end), UTC, most_days=most_days)
    with pytest.raises(BadRequest, match=f"more than {most_days} days"):
        read_range(times(START, end + 1), UTC, most_days=most_days)


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({}, "start_time"),
        (query(start_time="1"), "end_time"),
        (times("", 5), "start_time"),
        (times("-1", 5), "start_time"),
        (times("1e3", 5), "start_time"),
        (times("1.5", 5), "start_time"),
        (times("٣", 5), "start_time"),
        (times(" 1", 5), "start_time"),
        (times("2022-02-02", 5), "start_time"),
        (times(0, LATEST_MS + 1), "end_time"),
        (times(0, "9" * 400), "end_time"),
        (times(6, 5), "end_time"),
        (query(start_time=["1", "2"], end_time="5"), "start_time"),
    ],
)
def test_a_bad_time_is_named(values: dict[str, list[str]], param: str) -> None:
    """What is missing, repeated, no number, too large or the wrong way round is refused by its name."""
    with pytest.raises(BadRequest) as caught:
        read_range(values, UTC, most_days=90)
    assert caught.value.param == param
    assert caught.value.message.startswith(f"Invalid parameter(s): {param}")


@pytest.mark.parametrize("name", ["page", "page_size"])
@pytest.mark.parametrize("value", ["0", "-1", "x", "", "1.0", "1" * 30])
def test_a_bad_page_is_named(name: str, value: str) -> None:
    """A page and its size are whole numbers from 1."""
    with pytest.raises(BadRequest) as caught:
        read_page(query(**{name: value}))
    assert caught.value.param == name


def test_a_page_holds_at_most_a_hundred() -> None:
    """A hundred days come at once when nothing is asked for; more than that is refused."""
    assert read_page({}) == Page(1, 100)
    assert read_page(query(page="3", page_size="10")) == Page(3, 10)
    with pytest.raises(BadRequest, match="page_size"):
        read_page(query(page_size="101"))


def test_days_to_come_are_left_out() -> None:
    """A range that reaches into the future ends today; one that lies in it is empty."""
    today = date(2026, 11, 21)
    assert Range(date(2026, 11, 20), date(2026, 12, 1)).until(today) == [date(2026, 11, 20), today]
    assert Range(date(2026, 11, 22), date(2026, 12, 1)).until(today) == []


@given(st.integers(1, 40), st.integers(1, 100), st.integers(0, 120))
def test_pages_are_the_array_cut_up(number: int, size: int, count: int) -> None:
    """Pages in order, joined, are the days; past the end there is nothing."""
    days = [date.fromordinal(738_000 + n) for n in range(count)]
    joined = [day for at in range(1, -(-count // size) + 1) for day in Page(at, size).of(days)]
    assert joined == days
    assert list(Page(number, size).of(days)) == days[(number - 1) * size : number * size]


@given(st.integers(0, LATEST_MS), st.sampled_from(["UTC", "Pacific/Apia", "America/New_York", "Asia/Kathmandu"]))
def test_every_instant_has_a_day(at_ms: int, zone: str) -> None:
    """No instant and no zone is too far out."""
    assert isinstance(day_of(at_ms, ZoneInfo(zone)), date)
