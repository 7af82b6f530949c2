"""The table is what the data gives, and never cheaper than the data's own engine."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal

import pytest
from genai_prices import Usage as TheirUsage
from genai_prices import types as data
from genai_prices.data import providers

from gateway.model import Usage
from gateway.prices import compile as compiling
from gateway.prices import load
from gateway.prices.table import PATH, price_from

NOISE = Decimal("0.000001")
"""Micro-dollars: where the data holds a float's noise, it is not kept."""
MORNING, LATER = datetime(2026, 11, 21, 2, tzinfo=UTC), datetime(2027, 2, 1, 12, tzinfo=UTC)


def test_the_table_is_in_step_with_the_data():
    """`table.json` is what compiling the pinned data gives, byte for byte."""
    assert PATH.read_text("utf-8") == compiling.render(compiling.table())


def test_the_table_says_what_it_was_made_of():
    """Version and day stand in it."""
    table = load()
    assert (table.version, table.as_of) == (compiling.table()["version"], compiling.AS_OF.isoformat())


def _names(clause: data.MatchLogic) -> Iterator[str]:
    match clause:
        case data.ClauseEquals(name):
            yield name
        case data.ClauseOr(clauses):
            for one in clauses:
                yield from _names(one)


@pytest.mark.parametrize("at", [MORNING, LATER], ids=["a dear hour", "after every price that is announced"])
@pytest.mark.parametrize(("prompt", "output", "cached"), [(1_000, 500, 400), (300_000, 2_000, 1_000)])
def test_no_price_is_below_the_datas_own(at, prompt, output, cached):
    """For every model that the data names outright, with the engine of its authors beside ours."""
    compared = 0
    for provider in providers:
        family = load().families.get(provider.id)
        for name in {name for model in provider.models for name in _names(model.match)} if family else ():
            ours, theirs = load().price_of(family, name), provider.find_model(name, all_providers=providers)
            if ours is not None and theirs is not None:
                usage = TheirUsage(input_tokens=prompt, output_tokens=output, cache_read_tokens=cached)
                truth = theirs.calc_price(usage, provider, genai_request_timestamp=at).total_price * 1_000_000
                assert ours.cost_micros(Usage(prompt, output, cached)) >= truth - NOISE, (provider.id, name)
                compared += 1
    assert compared > 2_000


def _model(prices, **more) -> data.ModelInfo:
    return data.ModelInfo(id="m", match=data.ClauseEquals("m"), prices=prices, **more)


def _in(price: int) -> data.ModelPrice:
    return data.ModelPrice(input_mtok=Decimal(price), output_mtok=Decimal(1))


def _from(day: date, price: int) -> data.ConditionalPrice:
    return data.ConditionalPrice(constraint=data.StartDateConstraint(day), prices=_in(price))


NIGHT = data.TimeOfDateConstraint(time(16, 30, tzinfo=UTC), time(0, 30, tzinfo=UTC))
PAST, FUTURE = date(2025, 1, 1), date(2099, 1, 1)


@pytest.mark.parametrize(
    ("prices", "dollars"),
    [
        pytest.param([data.ConditionalPrice(prices=_in(9)), _from(PAST, 2)], 2, id="a price that is over"),
        pytest.param([data.ConditionalPrice(prices=_in(2)), _from(FUTURE, 9)], 9, id="a rise that is announced"),
        pytest.param([data.ConditionalPrice(prices=_in(9)), _from(FUTURE, 2)], 9, id="a fall that is announced"),
        pytest.param(
            [data.ConditionalPrice(prices=_in(9)), data.ConditionalPrice(constraint=NIGHT, prices=_in(2))],
            9,
            id="cheaper at night",
        ),
    ],
)
def test_of_prices_that_change_the_dearest_that_may_apply_counts(prices, dollars):
    """A table has no clock: what may still apply counts, what is over does not."""
    price = price_from(compiling._price(_model(prices)) or {})
    assert price.rates.input == dollars * 1_000_000


def test_what_a_gateway_cannot_tell_apart_costs_the_dearest():
    """Tokens of pictures count like all others, at the higher rate."""
    price = data.ModelPrice(input_mtok=Decimal(1), output_mtok=Decimal(2), output_image_mtok=Decimal(30))
    assert compiling._price(_model(price)) == {"input": 1_000_000, "output": 30_000_000}


def test_what_is_not_counted_in_tokens_has_no_price():
    """Minutes and characters are left out; so is a model about which nothing is stated, unless it is named free."""
    assert compiling._price(_model(data.ModelPrice(input_mchars=Decimal(15)))) is None
    assert compiling._price(_model(data.ModelPrice())) is None
    free = data.ModelInfo(id="m:free", match=data.ClauseEquals("m:free"), prices=data.ModelPrice())
    assert compiling._price(free) == {}


def test_service_levels_are_kept_and_batches_are_not():
    """A request names its service level; a batch is no call."""
    variants = [
        data.PriceVariant(when={"service_tier": "priority"}, prices=data.ModelPrice(input_mtok=Decimal(4))),
        data.PriceVariant(when={"processing": "batch"}, prices=data.ModelPrice(input_mtok=Decimal("0.5"))),
    ]
    found = compiling._price(_model(_in(2), price_variants=variants)) or {}
    assert found["input"] == 2_000_000
    assert found["service"] == {"priority": {"input": 4_000_000, "output": 1_000_000}}


def test_tiers_hold_for_the_whole_call_above_their_start():
    """Where one class has tiers and another has none, each tier states both."""
    tiered = data.TieredPrices(base=Decimal(1), tiers=[data.Tier(start=200, price=Decimal(2))])
    found = compiling._price(_model(data.ModelPrice(input_mtok=tiered, output_mtok=Decimal(5)))) or {}
    assert found["tiers"] == [[200, {"input": 2_000_000, "output": 5_000_000}]]
