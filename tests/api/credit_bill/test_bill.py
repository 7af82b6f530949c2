"""A bill's lines: credits as numbers, totals that are sums; pure."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from gateway.api.credit_bill.bill import MILLIONTHS, credit, day_line, total_line
from gateway.model import CATEGORIES

DAY = date(2026, 2, 2)
FIELDS = ["date", "total", *CATEGORIES]
MICROS = st.dictionaries(st.sampled_from(CATEGORIES), st.integers(0, 10**12))


def test_a_day_has_the_documents_ten_fields() -> None:
    """The fields stand in the document's order; a category without credits is 0."""
    line = day_line(DAY, {"chat": 1_500_000, "tts": 2_000_000})
    assert list(line) == FIELDS
    assert line == dict.fromkeys(FIELDS, 0) | {"date": "2026-02-02", "total": 3.5, "chat": 1.5, "tts": 2}


def test_whole_credits_are_whole_numbers() -> None:
    """A whole number of credits has no decimal point; the smallest part of one is shown."""
    assert (credit(3 * MILLIONTHS), type(credit(3 * MILLIONTHS))) == (3, int)
    assert credit(1) == 0.000001


@given(MICROS)
def test_the_total_is_the_sum(micros: dict[str, int]) -> None:
    """A day's total is the sum of its categories, to the millionth."""
    line = day_line(DAY, micros)
    assert round(line["total"] * MILLIONTHS) == sum(micros.values())
    assert sum(round(line[category] * MILLIONTHS) for category in CATEGORIES) == sum(micros.values())


@given(st.lists(MICROS, max_size=5))
def test_the_total_bill_is_the_sum_of_its_days(bills: list[dict[str, int]]) -> None:
    """Categories add up over days."""
    line = total_line(DAY, DAY, bills)
    assert list(line) == ["start_date", "end_date", "total", *CATEGORIES]
    assert round(line["total"] * MILLIONTHS) == sum(sum(bill.values()) for bill in bills)
