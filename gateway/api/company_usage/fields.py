"""The two fields of a request, from wherever they stand and however they are spelled. Pure.

The rule that matters: a field has one value. Where the query, the body or two spellings of a name contradict each
other, the request is refused, so that nobody can be shown one company and charged for another.
"""

import re
from collections.abc import Callable, Hashable, Iterable
from typing import TypeVar

from gateway.errors import BadRequest
from gateway.model.guid import parse_guid

COMPANY_ID = "CompanyId"
TOKENS_USED = "TokensUsed"
MOST_TOKENS = 10**9
"""What one report may hold: more is a mistake, or worse."""

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,32}")
_SHOWN_CHARS = 64

Pairs = Iterable[tuple[str, object]]
"""Names and values as they came: text from a query, a form, XML, CSV or JSV; anything from JSON."""

T = TypeVar("T", bound=Hashable)


class Invalid(BadRequest):
    """A request that ServiceStack would not bind; `code` is the error code that it has there."""

    code = "SerializationException"


def company_id(pairs: Pairs) -> str | None:
    """Give the company that is named, as a lower-case GUID; None for none. Raises Invalid."""
    return _one(pairs, COMPANY_ID, _guid)


def tokens_used(pairs: Pairs) -> int:
    """Give the tokens that are reported, 0 to `MOST_TOKENS`. Raises Invalid, also where there are none."""
    tokens = _one(pairs, TOKENS_USED, _whole_number)
    if tokens is None:
        raise Invalid(f"'{TOKENS_USED}' is required.", code="NotNull", param=TOKENS_USED)
    if not 0 <= tokens <= MOST_TOKENS:
        message = f"'{TOKENS_USED}' must be between 0 and {MOST_TOKENS}."
        raise Invalid(message, code="InclusiveBetween", param=TOKENS_USED)
    return tokens


def _one(pairs: Pairs, name: str, read: Callable[[object], T | None]) -> T | None:
    given = [value for key, value in pairs if key.lower() == name.lower()]
    found = set()
    for value in given:
        text = value.strip() if isinstance(value, str) else value
        if text is not None and text != "":
            found.add(_valid(name, text, read))
    if len(found) > 1:
        raise _unbindable(f"'{name}' is given more than once, with different values.", name)
    return found.pop() if found else None


def _valid(name: str, value: object, read: Callable[[object], T | None]) -> T:
    found = read(value)
    if found is None:
        raise _unbindable(f"'{_shown(value)}' is an Invalid value for '{name}'", name)
    return found


def _unbindable(message: str, name: str) -> Invalid:
    return Invalid(message, code="RequestBindingException", param=name)


def _guid(value: object) -> str | None:
    return parse_guid(value) if isinstance(value, str) else None


def _whole_number(value: object) -> int | None:
    if isinstance(value, str):
        return int(value) if _WHOLE_NUMBER.fullmatch(value) else None
    return value if type(value) is int else None


def _shown(value: object) -> str:
    text = value if isinstance(value, str) else type(value).__name__ if isinstance(value, dict | list) else f"{value}"
    return "".join(char for char in text[:_SHOWN_CHARS] if char.isprintable())
