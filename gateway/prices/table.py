"""The price table as it is shipped: families of models, each known by the addresses that serve it.

`table.json` holds, for each family, an `id`, the `url` pattern of its addresses, the families to `fallback` on, and its
`models`: pairs of a rule and a price, the first rule that holds decides. A rule is a name, a list of rules of which one
must hold, or an object with one of `and`, `starts`, `ends`, `contains`, `regex`. A price holds rates in micro-dollars
for a million tokens (what is left out follows from `Rates.of`), `tiers`, `request`, and prices by `service`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from gateway.model import Price, Rates

PATH = Path(__file__).with_name("table.json")
_NO_RATES = frozenset({"tiers", "request", "service"})
# The data's patterns are open at their end: what goes on after one must not be more of the host's name.
_WHOLE_HOST = r"(?:(?<=[./])|(?![\w.-]))"
_WORDS: Mapping[str, Callable[[str, str], bool]] = {
    "starts": str.startswith,
    "ends": str.endswith,
    "contains": str.__contains__,
    "regex": lambda model, pattern: re.search(pattern, model) is not None,
}


@dataclass(frozen=True)
class Family:
    """The models of one seller."""

    id: str
    url: re.Pattern[str]
    fallback: tuple[str, ...]
    models: tuple[tuple[Any, Mapping[str, Any]], ...]

    def price_of(self, model: str) -> Price | None:
        """Give the price of a model, by its name in lower case."""
        return next((price_from(price) for rule, price in self.models if is_met(rule, model)), None)


@dataclass(frozen=True)
class Table:
    """All families, in the data's order; `version` and `as_of` say which data it was made of and for which day."""

    version: str
    as_of: str
    families: Mapping[str, Family]

    def serving(self, base_url: str) -> Family | None:
        """Give the family whose addresses this is one of."""
        return next((family for family in self.families.values() if family.url.match(base_url)), None)

    def price_of(self, family: Family, model: str) -> Price | None:
        """Give the price of a model in a family, else in those that it falls back on."""
        name = model.lower()
        chain = (family, *(self.families[other] for other in family.fallback))
        return next((price for one in chain if (price := one.price_of(name)) is not None), None)


@cache
def load() -> Table:
    """Read the table that is shipped."""
    content = msgspec.json.decode(PATH.read_bytes())
    families = (
        Family(
            row["id"],
            re.compile(f"(?:{row['url']}){_WHOLE_HOST}", re.IGNORECASE),
            tuple(row.get("fallback", ())),
            tuple((rule, price) for rule, price in row["models"]),
        )
        for row in content["families"]
    )
    return Table(content["version"], content["as_of"], {family.id: family for family in families})


def is_met(rule: Any, model: str) -> bool:
    """Say whether a model's name, in lower case, meets a rule."""
    if isinstance(rule, str):
        return model == rule
    if isinstance(rule, list):
        return any(is_met(one, model) for one in rule)
    ((word, what),) = rule.items()
    if word == "and":
        return all(is_met(one, model) for one in what)
    return _WORDS[word](model, what)


def rates_of(stated: Mapping[str, Any]) -> Rates:
    """Give the rates of a price, each class filled in; other parts of the price are passed over."""
    return Rates.of(**{name: rate for name, rate in stated.items() if name not in _NO_RATES})


def price_from(stated: Mapping[str, Any]) -> Price:
    """Give a price as the table states it."""
    return Price(
        rates=rates_of(stated),
        tiers=tuple((above, rates_of(rates)) for above, rates in stated.get("tiers", ())),
        request_micros=stated.get("request", 0),
        service=tuple((name, price_from(price)) for name, price in stated.get("service", {}).items()),
    )
