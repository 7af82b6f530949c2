"""Costs: rates, tiers, rounding, and what is set aside for them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import FREE, Price, Rates, Usage, dollars
from gateway.model.prices import micros

PLAIN = Price(Rates.of(2_500_000, 10_000_000, cache_read=1_250_000))
CLASSES = Price(Rates(1_000_000, 10_000_000, 100_000, 1_250_000, 2_000_000, 5_000_000, 20_000_000))
TIERED = Price(
    Rates.of(1_000_000, 10_000_000),
    tiers=((100, Rates.of(2_000_000, 15_000_000)), (200, Rates.of(4_000_000, 30_000_000))),
)

rates = st.builds(Rates, *([st.integers(0, 600_000_000)] * 7))
prices = st.builds(
    lambda base, starts, others, request: Price(base, tuple(zip(sorted(starts), others, strict=True)), request),
    rates,
    st.lists(st.integers(0, 10**6), min_size=2, max_size=2, unique=True),
    st.lists(rates, min_size=2, max_size=2),
    st.integers(0, 10**6),
)


@pytest.mark.parametrize(
    ("price", "usage", "cost"),
    [
        pytest.param(PLAIN, Usage(), 0, id="nothing"),
        pytest.param(PLAIN, Usage(1_000_000, 100_000), 3_500_000, id="input and output"),
        pytest.param(PLAIN, Usage(1000, 0, cache_read_tokens=800), 1500, id="cached tokens are not charged twice"),
        pytest.param(PLAIN, Usage(0, 10, reasoning_tokens=8), 100, id="reasoning is part of the output"),
        pytest.param(PLAIN, Usage(1, 0), 3, id="rounded up"),
        pytest.param(PLAIN, Usage(1, 0, cache_read_tokens=1), 2, id="rounded up once, on the sum"),
        pytest.param(PLAIN, Usage(10, 0, cache_read_tokens=30), 38, id="more cached than read: never negative"),
        pytest.param(CLASSES, Usage(10, 0, 0, 10), 13, id="a cache write"),
        pytest.param(CLASSES, Usage(10, 0, 0, 10, cache_creation_1h_tokens=4), 16, id="a part of it for an hour"),
        pytest.param(CLASSES, Usage(10, 0, 0, 2, cache_creation_1h_tokens=9), 12, id="no more of it than there is"),
        pytest.param(CLASSES, Usage(10, 10, input_audio_tokens=4, output_audio_tokens=5), 176, id="sound"),
        pytest.param(CLASSES, Usage(10, 0, 8, input_audio_tokens=6), 11, id="cached sound counts in one class"),
        pytest.param(TIERED, Usage(100, 10), 200, id="up to a tier's start"),
        pytest.param(TIERED, Usage(101, 10), 352, id="above it, the whole call at the tier's rates"),
        pytest.param(TIERED, Usage(201, 10), 1104, id="the highest tier that applies"),
        pytest.param(Price(Rates(), request_micros=12_000), Usage(5, 5), 12_000, id="a price for each call"),
        pytest.param(FREE, Usage(10**9, 10**9), 0, id="free"),
        pytest.param(PLAIN, Usage(4 * 10**17 + 1, 0), 10**18 + 3, id="exact beyond 2^53"),
    ],
)
def test_what_a_usage_costs(price, usage, cost):
    """Every token at the rate of its one class, the sum rounded up to a micro-dollar."""
    assert price.cost_micros(usage) == cost


def test_a_class_without_a_rate_costs_what_plain_tokens_cost():
    """Absent means input's or output's rate; the one-hour cache follows the cache write."""
    assert Rates.of(3, 5) == Rates(3, 5, 3, 3, 3, 3, 5)
    assert Rates.of(3, 5, cache_creation=4) == Rates(3, 5, 3, 4, 4, 3, 5)
    assert Rates.of(3, 5, cache_read=0).cache_read == 0


def test_a_service_level_has_its_own_price():
    """Asked for by name; any other level costs the standard price."""
    dear = Price(Rates.of(9, 9))
    price = Price(Rates.of(1, 1), service=(("priority", dear),))
    assert price.served("priority") is dear
    assert all(price.served(level) is price for level in (None, "auto", "default", "Priority"))


def test_only_what_never_charges_is_free():
    """A price for each call, or of a tier alone, is one."""
    assert FREE.is_free
    assert not Price(Rates(), request_micros=1).is_free
    assert not Price(Rates(), tiers=((5, Rates.of(1, 1)),)).is_free


@pytest.mark.parametrize(
    ("prompt", "held"), [(100, (100, 10_000_000)), (101, (202, 15_000_000)), (201, (804, 30_000_000))]
)
def test_what_is_held_follows_the_tiers_that_may_apply(prompt, held):
    """A prompt that cannot reach a tier is not held at its rates."""
    assert TIERED.dearest(prompt) == held


@given(
    price=prices,
    prompt=st.integers(0, 2 * 10**6),
    output=st.integers(0, 10**6),
    shares=st.tuples(*([st.floats(0, 1)] * 7)),
)
def test_a_usage_within_its_estimate_never_costs_more_than_was_held(price, prompt, output, shares):
    """Whatever the classes and tiers: minimum and rate cover any usage of at most so many tokens."""
    read = int(prompt * shares[0])
    cached = int(read * shares[1])
    created = int((read - cached) * shares[2])
    produced = int(output * shares[3])
    usage = Usage(
        read,
        produced,
        cached,
        created,
        input_audio_tokens=int(read * shares[4]),
        output_audio_tokens=int(produced * shares[5]),
        cache_creation_1h_tokens=int(created * shares[6]),
    )
    minimum, rate = price.dearest(prompt)
    assert 0 <= price.cost_micros(usage) <= minimum - (-output * rate // 10**6)


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0.00"), (1, "0.000001"), (125, "0.000125"), (500_000, "0.50"), (12_500_000, "12.50"), (-1, "-0.000001")],
)
def test_dollars_are_exact_for_people(amount, text):
    """At least two decimals, at most six, and nothing lost: read back, they are the same micro-dollars."""
    assert dollars(amount) == text
    assert micros(Decimal(text)) == amount
