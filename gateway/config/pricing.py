"""Owns what the file says a model costs, in dollars, and the step to a `Price`.

The rule that matters: a rate that is left out follows from one that is not, so none is zero by oversight.
"""

from decimal import Decimal

from gateway.config import fields as f
from gateway.config.section import Section, required, setting
from gateway.model import MICROS, Price, Rates


class ModelPriceSection(Section):
    """`providers.NAME.models.MODEL.price:`."""

    input: f.Dollars = required("Dollars for a million prompt tokens.")
    output: f.Dollars = required("Dollars for a million completion tokens, reasoning included.")
    cache_read: f.Dollars | None = setting(None, "For those read from the provider's cache; left out, as `input`.")
    cache_creation: f.Dollars | None = setting(None, "For those written to that cache; left out, as `input`.")
    input_audio: f.Dollars | None = setting(None, "For prompt tokens that are sound; left out, as `input`.")
    output_audio: f.Dollars | None = setting(None, "For completion tokens that are sound; left out, as `output`.")
    request: f.Dollars = setting(Decimal(0), "Dollars for each call, beside its tokens.")


def price_of(section: ModelPriceSection) -> Price:
    """Make the price, in micro-dollars for a million tokens."""
    stated = {name: int(rate * MICROS) for name, rate in section.model_dump(exclude_none=True).items()}
    request_micros = stated.pop("request")
    return Price(Rates.of(**stated), request_micros=request_micros)
