"""What is learned from reported usage stays within its bounds, raises at once and lowers late."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.tokens import Corrections
from gateway.tokens.correction import ENOUGH, HIGHEST, LOWEST, MARGIN, MODELS_AT_MOST, WINDOW

TOKENS = st.integers(1, 1 << 30)
REPORTS = st.lists(st.tuples(st.integers(-5, 1 << 30), st.integers(-5, 1 << 30)), max_size=3 * WINDOW)


def taught(reports: list[tuple[int, int]]) -> Corrections:
    """Teach the model `p/m` (estimated, reported) tokens."""
    corrections = Corrections()
    for estimated, reported in reports:
        corrections.observe("p", "m", estimated, reported)
    return corrections


@given(reports=REPORTS, tokens=TOKENS)
def test_a_factor_has_bounds(reports: list[tuple[int, int]], tokens: int) -> None:
    """Whatever is reported, a factor is within a quarter and the double, and 1 for who reported nothing."""
    corrections = taught(reports)
    assert LOWEST <= corrections.factor("p", "m", tokens) <= HIGHEST
    assert corrections.factor("p", "other", tokens) == corrections.factor("other", "m", tokens) == 1


@given(ratios=st.lists(st.integers(1, 2048), min_size=1, max_size=WINDOW))
def test_the_recent_reports_stay_covered(ratios: list[int]) -> None:
    """No report of the window stands above its corrected estimate, but for the double that is the most."""
    corrections = taught([(1024, reported) for reported in ratios])
    corrected = math.ceil(1024 * corrections.factor("p", "m", 1024))
    assert all(reported <= corrected for reported in ratios)


@given(reports=st.lists(st.integers(1, 1024), max_size=WINDOW - 1), more=st.integers(1, 4096))
def test_a_higher_report_never_lowers_once_enough_are_known(reports: list[int], more: int) -> None:
    """One more report above all others raises the factor or leaves it, at any time."""
    before = taught([(1024, reported) for reported in [*[1] * ENOUGH, *reports][: WINDOW - 1]])
    factor = before.factor("p", "m", 1024)
    higher = max([more, *reports])
    before.observe("p", "m", 1024, higher)
    assert before.factor("p", "m", 1024) >= factor


def test_it_lowers_only_when_enough_is_known() -> None:
    """One report less than enough changes nothing; with enough, the highest of them and a margin decide."""
    few = taught([(1000, 400)] * (ENOUGH - 1))
    assert few.factor("p", "m", 1000) == 1
    few.observe("p", "m", 1000, 500)
    assert few.factor("p", "m", 1000) == pytest.approx(0.5 * MARGIN)


@pytest.mark.parametrize("known", [0, ENOUGH, 3 * WINDOW])
def test_it_raises_at_once(known: int) -> None:
    """One report above its estimate raises the next one, however much was learned before."""
    corrections = taught([(1000, 300)] * known)
    corrections.observe("p", "m", 1000, 1200)
    assert corrections.factor("p", "m", 1000) == pytest.approx(1.2 * MARGIN)


def test_a_ratio_near_one_raises_nothing() -> None:
    """An estimate that was never below the truth is not raised for the margin."""
    assert taught([(1000, 1000)] * WINDOW).factor("p", "m", 1000) == 1


def test_it_recovers_after_a_drift() -> None:
    """What was learned of other times is forgotten after a window of reports, in both directions."""
    corrections = taught([(1000, 5000)] * WINDOW)
    assert corrections.factor("p", "m", 1000) == HIGHEST
    for _ in range(WINDOW):
        corrections.observe("p", "m", 1000, 500)
    assert corrections.factor("p", "m", 1000) == pytest.approx(0.5 * MARGIN)
    for _ in range(WINDOW):
        corrections.observe("p", "m", 1000, 1000)
    assert corrections.factor("p", "m", 1000) == 1


def test_sizes_are_learned_apart() -> None:
    """What small prompts teach says nothing of large ones."""
    corrections = taught([(1000, 100)] * WINDOW)
    assert corrections.factor("p", "m", 600) == LOWEST
    assert corrections.factor("p", "m", 100) == corrections.factor("p", "m", 2000) == 1


@given(lowest=st.integers(1, 1000), honest=st.integers(1, 1000), at=st.integers(0, WINDOW - 1))
def test_one_honest_report_in_the_window_keeps_others_safe(lowest: int, honest: int, at: int) -> None:
    """Who pushes a factor down must be alone: one other's report among the last ones keeps the factor above it."""
    reports = [(1000, lowest)] * WINDOW
    reports[at] = (1000, honest)
    assert taught(reports).factor("p", "m", 1000) >= min(1.0, honest / 1000)


def test_memory_is_bounded() -> None:
    """A thousand models, each with every size and ever more reports, leave no more than the last of them."""
    corrections = Corrections()
    for number in range(2 * MODELS_AT_MOST):
        for size in range(40):
            corrections.observe("p", f"m{number}", 1 << size, 1)
    assert len(corrections) == MODELS_AT_MOST
    assert corrections.factor("p", "m0", 1) == 1
    many = taught([(1 << 30, 1)] * 10_000)
    assert many.factor("p", "m", 1 << 30) == many.factor("p", "m", 1 << 60) == LOWEST
