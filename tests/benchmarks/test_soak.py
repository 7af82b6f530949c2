"""A slope is told with what it is worth, and latencies to one percent."""

import random

import pytest

from benchmarks.soak.load import Times
from benchmarks.soak.sampling import BLOCKS, slope

HOUR = 3600.0


def test_a_slope_is_found_in_noise() -> None:
    """Two MiB an hour, under a noise of half a MiB."""
    chance = random.Random(1)
    seconds = [HOUR * place / 1000 for place in range(2000)]
    found = slope(seconds, [100 + 2 * now / HOUR + chance.gauss(0, 0.5) for now in seconds])
    assert found is not None
    assert abs(found.mib_an_hour - 2) <= found.give_or_take < 0.2


def test_noise_is_no_slope() -> None:
    """Zero lies within what it is worth."""
    chance = random.Random(2)
    seconds = [HOUR * place / 1000 for place in range(2000)]
    found = slope(seconds, [100 + chance.gauss(0, 0.5) for _ in seconds])
    assert found is not None
    assert abs(found.mib_an_hour) <= found.give_or_take


def test_too_few_samples_have_none() -> None:
    """A line through a handful of points is worth nothing."""
    assert slope(range(BLOCKS - 1), range(BLOCKS - 1)) is None


def test_percentiles() -> None:
    """Counted in steps, not kept."""
    times = Times()
    for milliseconds in range(1, 1001):
        times.add(milliseconds / 1000)
    assert len(times) == 1000
    for percent in (50, 99, 100):
        assert times.percentile_ms(percent) == pytest.approx(10 * percent, rel=0.01)
