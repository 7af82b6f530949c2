"""Reading one field of a decoded body: its type and range, refused in OpenAI's words with the field's name."""

from collections.abc import Mapping
from types import NoneType
from typing import Any, TypeVar

from gateway.errors import BadRequest

T = TypeVar("T")

_WORDS: Mapping[type, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
    NoneType: "null",
}


def optional(body: Mapping[str, Any], name: str, kind: type[T], *, at: str = "") -> T | None:
    """Give a field of exactly this JSON type (a boolean is no integer); null is the same as absent.

    `at` is the path of `body` inside the request, such as `messages[2].`. Raises BadRequest.
    """
    value: T | None = body.get(name)
    if value is not None and type(value) is not kind:
        raise wrong_type(at + name, _WORDS[kind], value)
    return value


def required(body: Mapping[str, Any], name: str, kind: type[T], *, at: str = "") -> T:
    """Give a field that must be there and not be empty. Raises BadRequest."""
    value: T | None = body.get(name)
    if value is None:
        raise missing(at + name)
    if type(value) is not kind:
        raise wrong_type(at + name, _WORDS[kind], value)
    if not value:
        raise invalid(at + name, "it must not be empty")
    return value


def bounded(body: Mapping[str, Any], name: str, *, low: int, high: int) -> int | None:
    """Give an integer within `low`..`high`, both included. Raises BadRequest."""
    value = body.get(name)
    if value is None:
        return None
    if type(value) is not int:
        raise wrong_type(name, _WORDS[int], value)
    if low <= value <= high:
        return value
    side, code = (
        ("below minimum", "integer_below_min_value") if value < low else ("above maximum", "integer_above_max_value")
    )
    expected = f">= {low}" if value < low else f"<= {high}"
    raise BadRequest(f"Invalid '{name}': integer {side} value. Expected a value {expected}.", code=code, param=name)


def wrong_type(name: str, expected: str, value: object) -> BadRequest:
    """Make the refusal of a value of another JSON type."""
    got = _WORDS.get(type(value), "something else")
    message = f"Invalid type for '{name}': expected {expected}, but got {got} instead."
    return BadRequest(message, code="invalid_type", param=name)


def missing(name: str) -> BadRequest:
    """Make the refusal of an absent field."""
    return BadRequest(f"Missing required parameter: '{name}'.", code="missing_required_parameter", param=name)


def invalid(name: str, why: str) -> BadRequest:
    """Make the refusal of a value that has the right type; `why` completes the sentence."""
    return BadRequest(f"Invalid value for '{name}': {why}.", code="invalid_value", param=name)


def unsupported(name: str, why: str) -> BadRequest:
    """Make the refusal of something the gateway does not let through; `why` completes the sentence."""
    return BadRequest(
        f"Unsupported parameter: '{name}' is not allowed here: {why}.", code="unsupported_parameter", param=name
    )
