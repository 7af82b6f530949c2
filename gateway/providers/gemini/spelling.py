"""Fields in the spellings that Google's JSON takes: lowerCamelCase, and the snake_case of its definitions.

(https://protobuf.dev/programming-guides/json/#field-names) The rule that matters: a field that is metered is found in
either spelling, and refused in both at once or in any other.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from gateway.errors import BadRequest
from gateway.providers.fields import bounded, optional, unsupported, wrong_type

T = TypeVar("T")

MOST_TOKENS = 2**31 - 1

_CAPITAL = re.compile(r"[A-Z]")
_UNDERSCORE = re.compile(r"_([a-z])")


@lru_cache(256)
def snake(name: str) -> str:
    """Give `maxOutputTokens` as `max_output_tokens`."""
    return _CAPITAL.sub(lambda found: f"_{found[0].lower()}", name)


@lru_cache(256)
def camel(name: str) -> str:
    """Give `max_output_tokens` as `maxOutputTokens`; what is so already stays."""
    return _UNDERSCORE.sub(lambda found: found[1].upper(), name)


def spelled(holder: Mapping[str, Any], name: str, *, at: str = "") -> str:
    """Give how an object spells a field (`name` in lowerCamelCase, also where it is absent). Raises BadRequest."""
    other = snake(name)
    if other == name or other not in holder:
        return name
    if name in holder:
        raise BadRequest(f"Give '{at}{name}' once, not as '{at}{other}' too.", code="invalid_value", param=at + name)
    return other


def field(holder: Mapping[str, Any], name: str, kind: type[T], *, at: str = "") -> T | None:
    """Give a field of exactly this JSON type; null is the same as absent. Raises BadRequest."""
    return optional(holder, spelled(holder, name, at=at), kind, at=at)


def number(holder: Mapping[str, Any], name: str, *, high: int, at: str = "") -> int | None:
    """Give an integer from 1 to `high`. Raises BadRequest."""
    spelling = spelled(holder, name, at=at)
    return bounded({at + spelling: holder.get(spelling)}, at + spelling, low=1, high=high)


def objects(holder: Mapping[str, Any], name: str, *, at: str = "") -> list[dict[str, Any]]:
    """Give a repeated field's objects; Google takes a single one without its array too. Raises BadRequest."""
    spelling = spelled(holder, name, at=at)
    value = holder.get(spelling)
    if value is None:
        return []
    if type(value) is dict:
        return [value]
    if type(value) is not list:
        raise wrong_type(at + spelling, "an array", value)
    for place, item in enumerate(value):
        if type(item) is not dict:
            raise wrong_type(f"{at}{spelling}[{place}]", "an object", item)
    return value


def refuse_respelled(holder: Mapping[str, Any], metered: Iterable[str], *, at: str = "") -> None:
    """Refuse `maxoutputtokens` and the like: a server that folds case would read what was not metered."""
    known = {name.casefold(): name for name in metered}
    for name in holder:
        meant = known.get(name.replace("_", "").casefold())
        if meant is not None and name not in {meant, snake(meant)}:
            raise unsupported(at + name, f"write it '{meant}'")
