"""What usage weighs: token classes in millionths, rounded up once, and never more than was held for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.budget import Ask, asks, charges, held_for, needs_price, weighted_tokens
from gateway.model import (
    FREE,
    UNLIMITED,
    Calendar,
    Enforcement,
    Lifetime,
    Period,
    Price,
    Rates,
    Tariff,
    Unit,
    Usage,
    Weights,
)
from tests.budget.orders import ONE, budget

TOKENS = budget(1000)
REQUESTS = budget(1000, Calendar(Period.DAY), "requests", unit=Unit.REQUESTS)
FLYING = budget(1000, Lifetime(), "flying", unit=Unit.IN_FLIGHT)
DOLLARS = budget(1000, Calendar(Period.MONTH), "dollars", unit=Unit.USD)
HEAVY = Weights(input=ONE, output=4 * ONE, cache_read=ONE // 10, cache_creation=5 * ONE // 4)
PRICE = Price(Rates.of(2 * ONE, 10 * ONE, cache_creation=5 * ONE), ((1000, Rates.of(4 * ONE, 15 * ONE)),), 7)

weights = st.builds(Weights, *([st.integers(0, 20 * ONE)] * 4))


@pytest.mark.parametrize(
    ("usage", "by", "tokens"),
    [
        pytest.param(Usage(), Weights(), 0, id="nothing"),
        pytest.param(Usage(10, 5), Weights(), 15, id="one for one"),
        pytest.param(Usage(100, 0, cache_read_tokens=80), Weights(), 100, id="cached tokens are part of the input"),
        pytest.param(Usage(0, 10, reasoning_tokens=8), Weights(), 10, id="reasoning is part of the output"),
        pytest.param(Usage(100, 10), HEAVY, 140, id="output weighs four"),
        pytest.param(Usage(100, 0, cache_read_tokens=80), HEAVY, 28, id="a cached read weighs a tenth"),
        pytest.param(Usage(100, 0, cache_creation_tokens=80), HEAVY, 120, id="a cache write weighs more"),
        pytest.param(Usage(100, 10, 60, 20), HEAVY, 20 + 6 + 25 + 40, id="all classes at once"),
        pytest.param(Usage(1, 0, cache_read_tokens=1), HEAVY, 1, id="a tenth of a token is one"),
        pytest.param(Usage(11, 0, cache_read_tokens=11), HEAVY, 2, id="rounded up once, on the sum"),
        pytest.param(Usage(7, 7), Weights(0, 0, 0, 0), 0, id="weightless"),
        pytest.param(Usage(10, 0, cache_read_tokens=30), HEAVY, 3, id="more cached than read: never negative"),
        pytest.param(Usage(10**12, 10**12), Weights(), 2 * 10**12, id="exact where floats would not be"),
        pytest.param(Usage(10**17 + 1, 0), Weights(), 10**17 + 1, id="exact beyond 2^53"),
    ],
)
def test_the_weight_of_a_usage(usage, by, tokens):
    """Each class by its own weight, cached tokens not twice, the sum rounded up."""
    assert weighted_tokens(usage, by) == tokens


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), weights)
def test_more_usage_never_weighs_less(prompt, completion, more_prompt, more_completion, by):
    """A weight is never negative and grows with each class."""
    less = weighted_tokens(Usage(prompt, completion), by)
    assert 0 <= less <= weighted_tokens(Usage(prompt + more_prompt, completion + more_completion), by)


def test_what_a_call_asks():
    """Its prompt at the dearest class it could fall in, completion tokens at their weight, one of what is counted."""
    assert asks([TOKENS, REQUESTS, FLYING], 100, Tariff(HEAVY)) == (
        Ask(TOKENS, 125, 4 * ONE),
        Ask(REQUESTS, 1, 0),
        Ask(FLYING, 1, 0),
    )


def test_what_a_call_asks_is_rounded_up():
    """A fraction of a token is a token."""
    assert asks([TOKENS], 3, Tariff(Weights(ONE // 2, ONE, 0, 0)))[0].minimum == 2


def test_what_a_usage_charges():
    """Tokens by weight, one request, and nothing of what only counts calls in flight."""
    asked = asks([REQUESTS, TOKENS, FLYING, TOKENS], 100, Tariff(HEAVY))
    assert charges(asked, Usage(100, 10), Tariff(HEAVY)) == [1, 140, 0, 140]
    assert charges(asked, Usage(), Tariff(HEAVY)) == [1, 0, 0, 0]


def test_what_is_held():
    """The minimum and the granted completion by its weight, rounded up; one of what is counted."""
    heavy, request, flying = asks([TOKENS, REQUESTS, FLYING], 100, Tariff(Weights(output=ONE // 3)))
    assert [held_for(heavy, granted) for granted in (0, 1, 3, 4)] == [100, 101, 101, 102]
    assert held_for(request, 500) == held_for(flying, 500) == 1


@given(
    by=weights,
    prompt=st.integers(0, 2 * 10**6),
    granted=st.integers(0, 10**6),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)),
)
def test_a_usage_within_its_estimate_never_charges_more_than_was_held(by, prompt, granted, shares):
    """Whatever the weights and however the prompt was cached: no overrun where prompt and grant were kept."""
    read_tokens = int(prompt * shares[0])
    cached = int(read_tokens * shares[1])
    created = int((read_tokens - cached) * shares[2])
    usage = Usage(read_tokens, int(granted * shares[3]), cached, created)
    tariff = Tariff(by, PRICE)
    asked = asks([TOKENS, REQUESTS, FLYING, DOLLARS], prompt, tariff)
    for ask, charge in zip(asked, charges(asked, usage, tariff), strict=True):
        assert 0 <= charge <= held_for(ask, granted)


def test_what_a_call_asks_in_dollars():
    """Its prompt at the dearest rate that may apply, the price of a call, and a rate for each completion token."""
    assert asks([DOLLARS, TOKENS], 100, Tariff(HEAVY, PRICE)) == (
        Ask(DOLLARS, 507, 10 * ONE),
        Ask(TOKENS, 125, 4 * ONE),
    )
    assert asks([DOLLARS], 1001, Tariff(Weights(), PRICE)) == (Ask(DOLLARS, 5012, 15 * ONE),)


def test_what_a_usage_charges_in_dollars():
    """Micro-dollars by the price, whatever tokens weigh."""
    tariff = Tariff(Weights(0, 0, 0, 0), PRICE)
    assert charges(asks([DOLLARS, TOKENS], 100, tariff), Usage(100, 10), tariff) == [307, 0]


@pytest.mark.parametrize("price", [None, FREE])
def test_a_call_without_cost_asks_nothing_of_dollars(price):
    """So a budget of dollars that is spent, or in debt, does not stand in the way of what is free."""
    tariff = Tariff(Weights(), price)
    asked = asks([DOLLARS, TOKENS], 100, tariff)
    assert [ask.budget for ask in asked] == [TOKENS]
    assert charges(asked, Usage(100, 10), tariff) == [110]


def test_dollars_that_would_refuse_need_a_price():
    """The first of them; one that is unlimited, or in shadow, refuses nothing and needs none."""
    soft = budget(5, name="soft", unit=Unit.USD, enforcement=Enforcement.SOFT)
    blocked = budget(0, name="blocked", unit=Unit.USD)
    open_ended = budget(UNLIMITED, name="open", unit=Unit.USD)
    shadow = budget(5, name="shadow", unit=Unit.USD, enforcement=Enforcement.SHADOW)
    assert needs_price([TOKENS, open_ended, shadow, soft, DOLLARS]) is soft
    assert needs_price([blocked]) is blocked
    assert needs_price([TOKENS, REQUESTS, FLYING, open_ended, shadow]) is None
