"""Slices as arithmetic: what is free, taken and spent, until when, and where a charge goes."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.budget import Ask, Lease, Order
from gateway.budget.pace import Pace
from gateway.budget.slices import Slice, Taking, ends_ms, take_from
from gateway.budget.wire import Position
from gateway.model import Calendar, Fixed, Lifetime, Period, Rolling, Window
from tests.budget.gateways import spanning
from tests.budget.orders import HOUR

ADMITTED_MS = 1_000_000


def slice_of(size: int, window: Window = Lifetime(), position: Position = Position(0, 0), at: float = 100.0) -> Slice:  # noqa: B008
    """Give a slice that was asked for at a monotonic instant, with a lease of 60 seconds."""
    order = Order("slice", "installation", (Ask(spanning(10**6, window), size, 0),), 0, 0)
    return Slice(Lease(order, ADMITTED_MS, 0, (position,), ()), size, at, 60.0)


def test_a_slice_is_good_for_nine_tenths_of_its_lease():
    """From then on nothing is free, whatever is left."""
    one = slice_of(10)
    assert (one.free(100.0), one.free(153.9), one.free(154.0)) == (10, 10, 0)
    one.asked_at = 120.0
    assert (one.free(173.9), one.free(174.0)) == (10, 0)


def test_a_slice_is_good_until_its_window_ends():
    """At the latest instant that the store's clock may show: counted from before the store was asked."""
    assert ends_ms(Rolling(30), Position(3, 0)) == 4 * 2 * HOUR
    assert ends_ms(Calendar(Period.DAY), Position(5, 77)) == ends_ms(Fixed(60), Position(5, 77)) == 77
    assert ends_ms(Lifetime(), Position(0, 0)) is None
    one = slice_of(10, Fixed(60), Position(0, ADMITTED_MS + 5_000))
    assert (one.free(104.9), one.free(105.0)) == (10, 0)
    one.asked_at = 104.0
    assert one.free(105.0) == 0


def test_several_slices_serve_one_call_or_none_does():
    """What is taken spans them in order; where they do not suffice, nothing is touched."""
    slices = [slice_of(10), slice_of(20)]
    assert take_from(slices, 31, 101.0) is None
    taking = take_from(slices, 15, 101.0)
    assert taking is not None
    assert [one.rest for one in slices] == [0, 15]
    taking.trim(8)
    assert [one.rest for one in slices] == [2, 20]
    assert taking.close(20, slices) == slices
    assert [(one.spent, one.taken, one.takers) for one in slices] == [(10, 0, 0), (10, 0, 0)]


def test_what_nothing_covers_is_debt_of_the_first_slice():
    """Slices of another window do not cover it: what they hold belongs there."""
    mine, other = slice_of(10), slice_of(100, Fixed(60), Position(60_000, ADMITTED_MS + 5_000))
    taking = Taking()
    taking.add(mine, 5)
    taking.close(25, [other])
    assert (mine.spent, mine.rest, other.spent) == (25, 0, 0)


def test_a_call_that_takes_nothing_has_a_place_for_its_charge():
    """It may still turn out to have used something."""
    one = slice_of(10)
    taking = take_from([one], 0, 101.0)
    assert taking is not None
    assert taking.parts == [(one, 0)]
    assert take_from([], 0, 101.0) is None


@given(
    sizes=st.lists(st.integers(0, 50), min_size=1, max_size=4),
    steps=st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.booleans()), max_size=20),
)
def test_nothing_is_lost_and_nothing_is_given_twice(sizes, steps):
    """Whatever is taken, trimmed and closed: the parts of a slice add up, and all that was charged is spent."""
    slices, open_ones, charged = [slice_of(size) for size in sizes], [], 0
    for units, used, closes in steps:
        taking = take_from(slices, units, 101.0)
        if taking is not None:
            open_ones.append(taking)
        if closes and open_ones:
            taking = open_ones.pop(0)
            charged += min(used, taking.units)
            taking.close(min(used, taking.units), slices)
        assert sum(one.taken for one in slices) == sum(each.units for each in open_ones)
        assert sum(one.spent for one in slices) == charged
        assert all(one.spent + one.taken <= one.size for one in slices)


def test_the_pace_is_that_of_the_last_second():
    """A burst counts at once, and is forgotten two looks later."""
    pace = Pace(0.0)
    pace.add(500, 0.1)
    assert pace.units_a_second(0.2) == 500
    assert pace.units_a_second(2.0) == 250
    assert pace.units_a_second(3.5) == 0
    assert not pace.is_idle(2.0)
    assert pace.is_idle(2.2)
