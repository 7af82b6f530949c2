"""Which thresholds are passed: exact on integers, and only where there is something to warn of."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from gateway.model import Calendar, Fixed, Lifetime, Period, Unit
from gateway.warnings.crossing import passed, percent
from tests.warnings.receiving import level

NUMBERS = st.integers(0, 10**15)
THRESHOLDS = st.sets(st.integers(1, 100)).map(sorted).map(tuple)


@given(NUMBERS, st.integers(1, 10**15), THRESHOLDS)
def test_a_threshold_is_passed_when_that_share_is_used(used, limit, thresholds):
    """The arithmetic is that of fractions, at every size; what is told first is what is lowest."""
    share = Fraction(used, limit) * 100
    count = passed(level(used, limit), thresholds)
    assert [*thresholds[:count]] == [one for one in thresholds if share >= one]
    assert percent(level(used, limit)) == share.__floor__()


@pytest.mark.parametrize(("used", "count"), [(0, 0), (799, 0), (800, 1), (949, 1), (950, 2), (999, 2), (1000, 3)])
def test_the_edges(used, count):
    """A limit of 1,000 is at 80 % with 800, not with 799."""
    assert passed(level(used), (80, 95, 100)) == count


@pytest.mark.parametrize(
    "quiet",
    [
        level(900, -1),
        level(900, 0),
        level(0, 0),
        level(900, unit=Unit.IN_FLIGHT),
        level(900, window=Fixed(60), resets_at_ms=1),
        level(900, window=Calendar(Period.DAY)),
        level(0, held=1000),
    ],
)
def test_nothing_to_warn_of(quiet):
    """Unlimited, blocked, in flight, a rate, a window that has not begun; and what is only held."""
    assert passed(quiet, (1, 80, 95, 100)) == 0


def test_other_windows_are_watched():
    """Calendar, longer fixed and lifetime budgets warn like rolling ones; so do requests."""
    for window in (Calendar(Period.MONTH), Fixed(61), Lifetime()):
        assert passed(level(900, window=window, resets_at_ms=1), (80,)) == 1
    assert passed(level(900, unit=Unit.REQUESTS), (80,)) == 1
    assert passed(structs.replace(level(900), limit=2000), (80,)) == 0
    assert passed(level(900), ()) == 0
