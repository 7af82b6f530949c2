"""Limits and windows in words."""

from pathlib import Path

import pytest

from gateway.cli import words
from gateway.model import Calendar, Fixed, Lifetime, Period, Rolling, Unit, Window
from tests.cli.configs import configured


@pytest.mark.parametrize(
    ("limit", "unit", "window", "expected"),
    [
        (3000, Unit.TOKENS, Calendar(Period.DAY), "3,000 tokens a day"),
        (-1, Unit.TOKENS, Rolling(30), "unlimited tokens in any 30 days"),
        (5, Unit.REQUESTS, Rolling(1), "5 requests in any day"),
        (0, Unit.REQUESTS, Fixed(3600), "0 requests in 3,600 seconds"),
        (9, Unit.TOKENS, Lifetime(), "9 tokens for ever"),
        (2, Unit.IN_FLIGHT, Lifetime(), "2 at the same time"),
        (12_500_000, Unit.USD, Calendar(Period.MONTH), "$12.50 a month"),
        (-1, Unit.USD, Calendar(Period.DAY), "unlimited dollars a day"),
        (0, Unit.USD, Calendar(Period.DAY), "$0.00 a day"),
    ],
)
def test_a_budget_reads_as_a_phrase(limit: int, unit: Unit, window: Window, expected: str) -> None:
    """Limit, unit and window make one phrase."""
    assert words.count_words(limit, unit, window) == expected


@pytest.mark.parametrize(("limit", "expected"), [(-1, "unlimited"), (0, "blocked"), (1234, "1,234")])
def test_a_limit_alone_says_what_it_does(limit: int, expected: str) -> None:
    """-1 and 0 are not shown as numbers."""
    assert words.limit_words(limit) == expected


def test_a_budget_says_for_whom_and_what_it_is(tmp_path: Path) -> None:
    """One named subject, or each of the scope; the matched parts, or all calls."""
    config = configured(tmp_path)
    at_once, closed = config.budgets
    assert (words.subject_words(at_once, config), words.match_words(at_once)) == ("agent desk of acme", "all calls")
    assert words.subject_words(closed, config) == "each user of acme"
    assert words.match_words(closed) == "model large, purpose D*"


def test_an_instant_is_told_in_utc() -> None:
    """No instant is a dash."""
    assert words.instant_words(1_767_225_600_000) == "2026-01-01T00:00:00Z"
    assert words.instant_words(None) == "-"
