"""Which price a call has, and what well-known models cost by it."""

import pytest

from gateway.model import FREE, Price, Rates, Usage
from gateway.prices import Prices
from tests.prices.routes import ANTHROPIC, GEMINI, OPENAI, UNKNOWN, route

AZURE = "https://mine.openai.azure.com/openai/v1"
OPENROUTER = "https://openrouter.ai/api/v1"
THOUSANDS = Usage(10_000, 1_000)

# Dollars for a million tokens beside each, as the data states them. Where its authors have them from:
# https://developers.openai.com/api/docs/pricing, https://www.anthropic.com/pricing#api,
# https://ai.google.dev/gemini-api/docs/pricing, https://docs.x.ai/docs/models, https://console.groq.com/docs/models,
# https://docs.perplexity.ai/docs/getting-started/pricing.
COSTS = [
    (OPENAI, "gpt-4o", Usage(10_000, 1_000, 4_000), 30_000),  # 2.50, cached 1.25, 10
    (OPENAI, "gpt-4o-mini", THOUSANDS, 2_100),  # 0.15, 0.60
    (OPENAI, "gpt-4.1", THOUSANDS, 28_000),  # 2, 8
    (OPENAI, "gpt-4.1-mini", THOUSANDS, 5_600),  # 0.40, 1.60
    (OPENAI, "o3", THOUSANDS, 28_000),  # 2, 8 since June 2025; 10, 40 before
    (OPENAI, "gpt-5", Usage(10_000, 1_000, 8_000), 13_500),  # 1.25, cached 0.125, 10
    (OPENAI, "gpt-5-mini", THOUSANDS, 4_500),  # 0.25, 2
    (OPENAI, "text-embedding-3-small", Usage(10_000), 200),  # 0.02
    (ANTHROPIC, "claude-sonnet-4-5-20250929", Usage(10_000, 1_000, 5_000, 2_000), 33_000),  # 3, 15, 0.30, 3.75
    (ANTHROPIC, "claude-sonnet-4-5", Usage(10_000, 0, 0, 10_000, cache_creation_1h_tokens=10_000), 60_000),  # 6
    (ANTHROPIC, "claude-haiku-4-5", THOUSANDS, 15_000),  # 1, 5
    (ANTHROPIC, "claude-opus-4-1", THOUSANDS, 225_000),  # 15, 75
    (GEMINI, "gemini-2.5-pro", Usage(200_000, 1_000), 260_000),  # 1.25, 10
    (GEMINI, "gemini-2.5-pro", Usage(200_001, 1_000), 515_003),  # 2.50, 15 above 200,000
    (GEMINI, "gemini-2.5-flash", Usage(10_000, 1_000, input_audio_tokens=4_000), 8_300),  # 0.30, sound 1, 2.50
    ("https://api.x.ai/v1", "grok-4", THOUSANDS, 45_000),  # 3, 15
    ("https://api.groq.com/openai/v1", "llama-3.3-70b-versatile", THOUSANDS, 6_690),  # 0.59, 0.79
    ("https://api.perplexity.ai", "sonar", THOUSANDS, 23_000),  # 1, 1, and at most 12 for 1,000 calls
]


@pytest.mark.parametrize(
    ("base_url", "model", "usage", "cost"), COSTS, ids=[f"{n}-{m[1]}" for n, m in enumerate(COSTS)]
)
def test_well_known_models_cost_what_is_worked_out_by_hand(base_url, model, usage, cost):
    """The rates beside each, applied by hand to a usage, give what the table does."""
    price = Prices({}).of(route(base_url, model))
    assert price is not None
    assert price.cost_micros(usage) == cost


@pytest.mark.parametrize(
    ("base_url", "model", "dialect"),
    [
        pytest.param(UNKNOWN, "gpt-4o", "openai", id="an unknown address"),
        pytest.param("https://llm.corp.example", "claude-sonnet-4-5", "anthropic", id="a known language elsewhere"),
        pytest.param("https://api.openai.com.evil.example/v1", "gpt-4o", "openai", id="an address that only begins so"),
        pytest.param(OPENAI, "gpt-none", "openai", id="an unknown model"),
        pytest.param(OPENAI, "openai/gpt-4o", "openai", id="a vendor's name where the address is known"),
        pytest.param(OPENAI, "whisper-1", "openai", id="priced by the minute"),
        pytest.param(OPENAI, "tts-1", "openai", id="priced by the character"),
        pytest.param(UNKNOWN, "nobody/gpt-4o", "openai", id="an unknown vendor"),
        pytest.param("", "demo", "demo", id="the built-in model"),
    ],
)
def test_no_price_is_guessed(base_url, model, dialect):
    """Where seller or model is not known, there is no price."""
    assert Prices({}).of(route(base_url, model, dialect=dialect)) is None


@pytest.mark.parametrize(
    ("base_url", "model", "dialect"),
    [
        pytest.param(OPENAI, "GPT-4o", "openai", id="in any case"),
        pytest.param(OPENAI.upper(), "gpt-4o", "openai", id="an address in any case"),
        pytest.param(UNKNOWN, "openai/gpt-4o", "openai", id="a vendor's name at an unknown address"),
        pytest.param(OPENROUTER, "openai/gpt-4o", "openai", id="a reseller's own list"),
        pytest.param(AZURE, "gpt-4o", "azure", id="another seller's list, that this one falls back on"),
        pytest.param("https://llm.corp.example", "gpt-4o", "azure", id="a language that one seller speaks"),
    ],
)
def test_a_model_is_found_by_who_serves_it(base_url, model, dialect):
    """By the address, the language, or the vendor named in front: gpt-4o costs 2.50 and 10."""
    price = Prices({}).of(route(base_url, model, dialect=dialect))
    assert price is not None
    assert (price.rates.input, price.rates.output) == (2_500_000, 10_000_000)


def test_the_files_own_price_wins():
    """Over the table's and over `chargeable: false`, for what the listed name or pattern stands for."""
    own = Price(Rates.of(1, 2))
    prices = Prices({(OPENAI, "gpt-*"): own})
    assert prices.of(route(OPENAI, "gpt-4o", listed="gpt-*")) is own
    assert prices.of(route(OPENAI, "gpt-none", listed="gpt-*", chargeable=False)) is own
    assert prices.of(route(OPENAI, "gpt-4o")) not in {own, None}


def test_who_sends_us_no_bill_costs_nothing():
    """A provider that is not chargeable is free, whatever the model."""
    assert Prices({}).of(route(UNKNOWN, "llama", chargeable=False)) is FREE
    assert Prices({}).of(route(OPENAI, "gpt-4o", chargeable=False)) is FREE


def test_what_is_known_is_bounded():
    """Names that clients make up do not fill the memory, and answers stay right."""
    prices = Prices({})
    found = [prices.of(route(UNKNOWN, f"made-up-{number}", listed="*")) for number in range(5_000)]
    assert not any(found)
    assert len(prices._known) <= 4_096
    assert prices.of(route(OPENAI, "gpt-4o")) is not None


def test_a_dearer_service_is_known():
    """gpt-4o with `service_tier: priority` costs 4.25 for a million input tokens; `auto` is the standard price."""
    price = Prices({}).of(route(OPENAI, "gpt-4o"))
    assert price is not None
    assert price.served("priority").rates.input == 4_250_000
    assert price.served("auto") is price
