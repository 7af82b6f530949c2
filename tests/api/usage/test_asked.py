"""What a usage query means; pure."""

from datetime import date

import pytest

from gateway.api.usage.asked import Asked, read
from gateway.errors import BadRequest
from gateway.usage import By

TODAY = date(2026, 11, 21)


def query(**values: str | list[str]) -> dict[str, list[str]]:
    return {name: [value] if isinstance(value, str) else value for name, value in values.items()}


def test_without_a_word_it_is_the_last_thirty_days() -> None:
    """The default is thirty days up to today, by provider, model and purpose, as JSON."""
    assert read({}, TODAY) == Asked(date(2026, 10, 23), TODAY, (By.PROVIDER, By.MODEL, By.PURPOSE), "json", None)


def test_everything_can_be_said() -> None:
    """Days, grouping in any order, format and company are taken as they stand."""
    found = read(query(start="2026-01-01", end="2026-01-31", group_by="day, user", format="csv", company="acme"), TODAY)
    assert found == Asked(date(2026, 1, 1), date(2026, 1, 31), (By.DAY, By.USER), "csv", "acme")


def test_no_group_is_one_sum() -> None:
    """An empty group_by asks for the sum alone."""
    assert read(query(group_by=""), TODAY).by == ()


def test_the_first_day_there_is() -> None:
    """A range that begins with the calendar is no error."""
    assert read(query(end="0001-01-05"), TODAY).start == date.min


@pytest.mark.parametrize(
    ("values", "param"),
    [
        (query(start="2026-02-30"), "start"),
        (query(start="20260201"), "start"),
        (query(start="2026-W01-1"), "start"),
        (query(end=""), "end"),
        (query(end="yesterday"), "end"),
        (query(start="2026-11-22"), "start"),
        (query(start="2025-11-19"), "start"),
        (query(group_by="provider,provider"), "group_by"),
        (query(group_by="provider,planet"), "group_by"),
        (query(group_by="charge"), "group_by"),
        (query(format="xml"), "format"),
        (query(start=["2026-11-01", "2026-11-02"]), "start"),
        (query(stat="2026-11-01"), "stat"),
    ],
)
def test_what_is_wrong_is_named(values: dict[str, list[str]], param: str) -> None:
    """A value that cannot be meant, a repeated or an unknown parameter is refused by its name."""
    with pytest.raises(BadRequest) as caught:
        read(values, TODAY)
    assert caught.value.param == param
