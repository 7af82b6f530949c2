"""The fields of a request: whose limits, and which change. All that is wrong with them is told at once. Pure.

Numbers are taken as Django REST framework's IntegerField takes them: 123, "123" and "1.0", not true, 1.5 or [1].
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from gateway.api.chat_quota.bodies import Form
from gateway.api.chat_quota.words import InvalidFields
from gateway.model import UNLIMITED, Period
from gateway.model.guid import parse_guid

NAMES: Mapping[Period, str] = {Period.DAY: "daily", Period.WEEK: "weekly", Period.MONTH: "monthly"}
USER_FIELD = "user_uuid"
MOST_TOKENS = 2**31 - 1
"""The clients' field is an integer of 32 bits."""
MOST_CHARS = 1000

_INTEGER = re.compile(r"\s*([+-]?\d+(?:_\d+)*)(?:\.0*)?\s*")

_MISSING = object()

T = TypeVar("T")
Problems = dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Change:
    """The limits to change, of one user (a GUID): -1 is unlimited, None clears. Periods left out stay as they are."""

    user_id: str
    limits: Mapping[Period, int | None]


class _Wrong(ValueError):
    """A value that a field does not take; the text says why."""


def read_change(data: Any) -> Change:
    """Read a decoded body. Raises InvalidFields, also for a field that does not exist: it may be a limit misspelt."""
    if not isinstance(data, dict):
        kind = type(data).__name__
        words = "No data provided" if data is None else f"Invalid data. Expected a dictionary, but got {kind}."
        raise InvalidFields({"non_field_errors": [words]})
    blank = "" if isinstance(data, Form) else None
    problems: Problems = {}
    user_id = _read(USER_FIELD, data.get(USER_FIELD, _MISSING), _user, problems)
    limits: dict[Period, int | None] = {}
    for period, name in NAMES.items():
        field = f"{name}_limit"
        if field in data:
            value = data[field]
            limits[period] = None if value in (None, blank) else _read(field, value, _limit, problems)
    fields = {USER_FIELD, *(f"{name}_limit" for name in NAMES.values())}
    problems |= {str(name): ["Unknown field."] for name in data if name not in fields}
    if user_id is None or problems:
        raise InvalidFields(problems)
    return Change(user_id, limits)


def read_asked(text: str | None) -> str | None:
    """Read the `user_uuid` of a query; a blank one names nobody. Raises InvalidFields."""
    if not text:
        return None
    problems: Problems = {}
    user_id = _read(USER_FIELD, text, _user, problems)
    if problems:
        raise InvalidFields(problems)
    return user_id


def _read(name: str, value: Any, read: Callable[[Any], T], problems: Problems) -> T | None:
    """Read a field's value; note the problem where it cannot be read."""
    try:
        return read(value)
    except _Wrong as wrong:
        problems[name] = [str(wrong)]
        return None


def _user(value: Any) -> str:
    if value is _MISSING:
        raise _Wrong("This field is required.")
    if value is None:
        raise _Wrong("This field may not be null.")
    user_id = parse_guid(value) if isinstance(value, str) else None
    if user_id is None:
        raise _Wrong("Must be a valid UUID.")
    return user_id


def _limit(value: Any) -> int:
    if isinstance(value, str) and len(value) > MOST_CHARS:
        raise _Wrong("String value too large.")
    number = _integer(value)
    if number < UNLIMITED:
        raise _Wrong(f"Ensure this value is greater than or equal to {UNLIMITED}.")
    if number > MOST_TOKENS:
        raise _Wrong(f"Ensure this value is less than or equal to {MOST_TOKENS}.")
    return number


def _integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    found = _INTEGER.fullmatch(str(value)) if isinstance(value, str | float) else None
    if found is None:
        raise _Wrong("A valid integer is required.")
    return int(found[1])
