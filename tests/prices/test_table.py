"""The rules of the table, and its addresses."""

import pytest

from gateway.model import Price, Rates
from gateway.prices.table import is_met, load, price_from


@pytest.mark.parametrize(
    ("rule", "met", "unmet"),
    [
        ("gpt-4o", "gpt-4o", "gpt-4o-mini"),
        (["a", {"starts": "b"}], "bc", "cb"),
        ({"starts": "gpt-"}, "gpt-5", "my-gpt-5"),
        ({"ends": ":free"}, "r1:free", "r1:free-2"),
        ({"contains": "sonnet"}, "us.sonnet-4", "us.opus-4"),
        ({"regex": "^o[134]$"}, "o3", "o3-mini"),
        ({"and": [{"starts": "a"}, {"ends": "z"}]}, "abz", "aby"),
    ],
)
def test_rules(rule, met, unmet):
    """Each kind of rule holds for what it says, and for nothing else."""
    assert is_met(rule, met)
    assert not is_met(rule, unmet)


def test_every_price_can_be_read():
    """Each rate is a whole number of at most $10,000 for a million tokens, and the tiers rise."""
    prices = [price_from(stated) for family in load().families.values() for _, stated in family.models]
    assert len(prices) > 2_000
    for price in prices:
        for rates in (price.rates, *(rates for _, rates in price.tiers)):
            assert 0 <= max(rates.dearest_input, rates.dearest_output) <= 10_000_000_000
        starts = [above for above, _ in price.tiers]
        assert starts == sorted(set(starts))


def test_families_fall_back_on_families():
    """Whom a family names, the table has."""
    families = load().families
    assert all(other in families for family in families.values() for other in family.fallback)


@pytest.mark.parametrize(
    ("base_url", "family"),
    [
        ("https://api.openai.com", "openai"),
        ("https://api.openai.com:443/v1", "openai"),
        ("https://api.openai.company/v1", None),
        ("https://notapi.openai.com/v1", None),
        ("https://api.moonshot.ai/v1", "moonshotai"),
        ("https://bedrock-runtime.eu-west-1.amazonaws.com", "aws"),
        ("https://us-central1-aiplatform.googleapis.com/v1", "google"),
        ("http://127.0.0.1:11434/v1", None),
        ("", None),
    ],
)
def test_an_address_has_one_seller(base_url, family):
    """By the whole host; a port and a path may follow."""
    found = load().serving(base_url)
    assert (found and found.id) == family


def test_a_price_is_read_whole():
    """Rates, tiers, the price of a call, and service levels."""
    stated = {"input": 5, "output": 7, "request": 3, "tiers": [[9, {"input": 6}]], "service": {"fast": {"input": 8}}}
    fast = Price(Rates.of(8))
    assert price_from(stated) == Price(Rates.of(5, 7), ((9, Rates.of(6)),), 3, (("fast", fast),))
