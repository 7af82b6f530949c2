"""Compiles the price table from the data of genai-prices (MIT, https://github.com/pydantic/genai-prices).

`python -m gateway.prices.compile` writes `table.json` anew. Only this module needs that package, and no other imports
it. What depends on something that a gateway cannot see (the hour of the day, what a picture is made of) is taken at the
dearest rate that may apply; what is not charged by tokens or requests is left out, so it has no price.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import ROUND_CEILING, Decimal
from importlib.metadata import version
from typing import Any

import msgspec
from genai_prices import types as data
from genai_prices.data import providers

from gateway.model.prices import Rates
from gateway.prices.table import PATH, rates_of

AS_OF = date(2026, 11, 21)
"""The day whose prices are compiled; a later price counts where it is dearer. To be renewed with the pin."""

# It shares the address of `openai`, with prices of an operation that is not forwarded.
_LEFT_OUT = frozenset({"openai-decisions"})
# Of the conditions of a price, those that a request names, and which the gateway therefore knows.
_SERVICE_WORDS = ("service_tier", "speed")
# Batches are no calls; the default is what stands outside of every condition.
_NO_SERVICE = frozenset({("processing", "batch"), ("service_tier", "default")})
_CLASSES: Mapping[str, tuple[str, ...]] = {
    "input": ("input_mtok", "input_image_mtok", "input_video_mtok"),
    "output": (
        "output_mtok",
        "output_image_mtok",
        "output_video_mtok",
        "output_reasoning_mtok",
        "output_citation_mtok",
    ),
    "cache_read": ("cache_read_mtok", "cache_image_read_mtok"),
    "cache_creation": ("cache_write_mtok",),
    "cache_creation_1h": ("cache_write_1h_mtok",),
    "input_audio": ("input_audio_mtok",),
    "output_audio": ("output_audio_mtok",),
}
_MOST_DECIMALS = Decimal("1e-12")  # where the data has more, they are the noise of a float

Stated = Mapping[str, Any]
"""What the data states of a price: its rates by name, a Decimal or tiers each."""


def table() -> dict[str, Any]:
    """Give the whole table, ready for JSON."""
    return {
        "source": "genai-prices, Copyright (c) Pydantic Services Inc. 2025 to present, MIT License",
        "version": version("genai-prices"),
        "as_of": AS_OF.isoformat(),
        "families": [_family(provider) for provider in providers if provider.id not in _LEFT_OUT],
    }


def render(content: Mapping[str, Any]) -> str:
    """Write a table with one line for each model, so that a change can be read."""
    lines = [f'{{"source":{_json(content["source"])},', f'"version":{_json(content["version"])},']
    lines += [f'"as_of":{_json(content["as_of"])},', '"families":[']
    for family in content["families"]:
        models = ",\n".join(_json(model) for model in family["models"])
        head = _json({name: value for name, value in family.items() if name != "models"})
        comma = "" if family is content["families"][-1] else ","
        lines.append(f'{head[:-1]},"models":[\n{models}]}}{comma}')
    return "\n".join([*lines, "]}"]) + "\n"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _family(provider: data.Provider) -> dict[str, Any]:
    models = [[_match(model.match), price] for model in provider.models if (price := _price(model)) is not None]
    family: dict[str, Any] = {"id": provider.id, "url": provider.api_pattern}
    if provider.fallback_model_providers:
        family["fallback"] = provider.fallback_model_providers
    return family | {"models": models}


def _match(clause: data.MatchLogic) -> Any:
    """Give a rule as the table writes it: a name, a list of rules of which one must hold, or one under its own word."""
    word, text = "", ""
    match clause:
        case data.ClauseEquals(equals):
            return equals.lower()
        case data.ClauseOr(clauses):
            return [_match(one) for one in clauses]
        case data.ClauseAnd(clauses):
            return {"and": [_match(one) for one in clauses]}
        case data.ClauseRegex(pattern):
            return {"regex": pattern}
        case data.ClauseStartsWith():
            word, text = "starts", clause.starts_with
        case data.ClauseEndsWith():
            word, text = "ends", clause.ends_with
        case data.ClauseContains():
            word, text = "contains", clause.contains
    return {word: text.lower()}


def _price(model: data.ModelInfo) -> dict[str, Any] | None:
    """Give a model's price; None where the data states none that is counted in tokens."""
    standard = [dict(_stated(price)) for price in _may_apply(model.prices)]
    if not any(standard):
        return {} if model.id.endswith(":free") else None
    if not any("input_mtok" in stated for stated in standard):
        return None
    variants = model.price_variants or []
    hidden = [stated | _stated(one.prices) for one in variants if _is_hidden(one) for stated in standard]
    price = _compiled([*standard, *hidden])
    service = {
        name: _compiled([stated | _stated(one.prices) for one in same for stated in standard])
        for name, same in _by_service(variants).items()
    }
    different = {name: other for name, other in service.items() if other != price}
    return price | ({"service": different} if different else {})


def _may_apply(prices: data.ModelPrice | Sequence[data.ConditionalPrice]) -> list[data.ModelPrice]:
    """Give the prices that hold at some hour from AS_OF on: of conditional ones, the last that is met is the one."""
    if isinstance(prices, data.ModelPrice):
        return [prices]
    found = []
    for one in reversed(prices):
        found.append(one.prices)
        constraint = one.constraint
        if constraint is None or (isinstance(constraint, data.StartDateConstraint) and constraint.start_date <= AS_OF):
            return found
    return [*found, prices[0].prices]


def _stated(price: data.ModelPrice) -> dict[str, Any]:
    return {name: value for name, value in vars(price).items() if value is not None}


def _conditions(variant: data.PriceVariant) -> set[tuple[str, str]]:
    return set(variant.when.items()) - _NO_SERVICE


def _is_hidden(variant: data.PriceVariant) -> bool:
    """Say whether a price depends on something that the gateway does not look at."""
    return any(word not in _SERVICE_WORDS for word, _ in _conditions(variant))


def _by_service(variants: Iterable[data.PriceVariant]) -> dict[str, list[data.PriceVariant]]:
    found: dict[str, list[data.PriceVariant]] = {}
    for variant in variants:
        for word, level in _conditions(variant):
            if word in _SERVICE_WORDS:
                found.setdefault(level, []).append(variant)
    return found


def _compiled(alternatives: Sequence[Stated]) -> dict[str, Any]:
    """Give the dearest of some prices, class by class and tier by tier."""
    starts = sorted({tier.start for stated in alternatives for value in stated.values() for tier in _tiers(value)})
    base = _dearest(alternatives, -1)
    tiers: list[list[Any]] = []
    for start in starts:
        rates = _dearest(alternatives, start)
        if rates != (tiers[-1][1] if tiers else base):
            tiers.append([start, rates])
    request = max((_micros(stated.get("requests_kcount", Decimal(0)) / 1000) for stated in alternatives), default=0)
    return base | ({"tiers": tiers} if tiers else {}) | ({"request": request} if request else {})


def _tiers(value: Decimal | data.TieredPrices) -> list[data.Tier]:
    return value.tiers if isinstance(value, data.TieredPrices) else []


def _dearest(alternatives: Iterable[Stated], above: int) -> dict[str, int]:
    """Give each class's dearest rate in a call of more than `above` input tokens, without those that follow."""
    kinds = [rates_of(dict(_rates(stated, above))) for stated in alternatives]
    most = {name: max(getattr(rates, name) for rates in kinds) for name in _CLASSES}
    stated: dict[str, int] = {}
    for name, rate in most.items():
        if getattr(rates_of(stated), name) != rate:
            stated[name] = rate
    assert rates_of(stated) == Rates(**most)
    return stated


def _rates(stated: Stated, above: int) -> Iterator[tuple[str, int]]:
    for name, words in _CLASSES.items():
        found = [_micros(_at(stated[word], above)) for word in words if word in stated]
        if found:
            yield name, max(found)


def _at(value: Decimal | data.TieredPrices, above: int) -> Decimal:
    if isinstance(value, Decimal):
        return value
    return next((tier.price for tier in reversed(value.tiers) if tier.start <= above), value.base)


def _micros(amount: Decimal) -> int:
    exact = amount.quantize(_MOST_DECIMALS) * 1_000_000
    return int(exact.to_integral_value(ROUND_CEILING))


def main() -> None:
    """Write the table."""
    text = render(table())
    PATH.write_text(text, "utf-8")
    sys.stdout.write(f"table.json is written: {len(text):,} characters.\n")


if __name__ == "__main__":
    main()
