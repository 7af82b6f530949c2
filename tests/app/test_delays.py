"""How long a client may keep us waiting, as numbers."""

import pytest

from gateway.app.delays import BODY_BYTES_PER_SECOND, Arrival, Unchanged


def test_a_change_begins_anew() -> None:
    """How long a number has been the same is counted from when it was first seen."""
    unchanged = Unchanged()
    assert [unchanged.seconds(number, now) for now, number in enumerate((5, 5, 5, 4, 4), 10)] == [0, 1, 2, 0, 1]


@pytest.mark.parametrize(
    ("received", "now", "late"),
    [
        (0, 60.0, False),
        (0, 60.1, True),
        (59, 60.1, True),
        (BODY_BYTES_PER_SECOND, 60.9, False),
        (BODY_BYTES_PER_SECOND, 61.1, True),
        (32 << 20, 60 + 2048.0, False),
        (32 << 20, 60 + 2048.1, True),
    ],
)
def test_a_body_has_a_time_and_a_rate(received: int, now: float, late: bool) -> None:
    """Each body has its seconds, and a second more for each 16 KiB that came; a byte now and then buys nothing."""
    arrival = Arrival(object(), 1_000, 0.0)
    assert arrival.is_late(1_000 + received, now, 60) is late


def test_a_drip_is_late_however_long_it_goes_on() -> None:
    """Of bytes that come one a second, the time runs out as if none had come."""
    arrival = Arrival(object(), 0, 100.0)
    assert next(second for second in range(100, 200) if arrival.is_late(second - 100, second, 60)) == 161
