"""What a call consumed, by the provider's own numbers.

The rules that matter: `input_tokens` holds neither what was read from the cache nor what was written to it, so the
three are added; in a stream each event's numbers are totals, and replace; a compaction and an advisor stand outside of
all of them, in `iterations` (https://platform.claude.com/docs/en/api/messages, usage). Numbers that cannot be true
count as none.
"""

from collections.abc import Mapping
from typing import Any, TypeGuard

from gateway.model import Call, Usage
from gateway.providers.anthropic.events import open_answer

Raw = Mapping[str, Any]

_MOST_TOKENS = 10**9
_INPUT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_OUTPUT = "output_tokens"
_OUTSIDE = frozenset({"compaction", "advisor_message"})


def usage_of(_call: Call, body: bytes) -> Usage | None:
    """Read the usage of an answer that was not streamed; None when the provider did not say, or not credibly."""
    answer = open_answer(body)
    return None if answer is None else reported(answer.usage)


def merged(before: Raw, now: Any) -> Raw:
    """Give what a stream has said of its usage so far; null says nothing."""
    if type(now) is not dict:
        return before
    return {**before, **{name: value for name, value in now.items() if value is not None}}


def has_output(raw: Any) -> bool:
    """Say whether an event tells how much was produced."""
    return type(raw) is dict and _is_count(raw.get(_OUTPUT))


def reported(raw: Any) -> Usage | None:
    """Read a `usage` object."""
    if type(raw) is not dict or not has_output(raw):
        return None
    numbers = [raw.get(name) for name in _INPUT]
    if numbers == [None, None, None] or not all(number is None or _is_count(number) for number in numbers):
        return None
    parts = [raw, *_outside(raw)]
    read, written = (sum(_count(part, name) for part in parts) for name in _INPUT[1:])
    output = sum(_count(part, _OUTPUT) for part in parts)
    return Usage(
        input_tokens=sum(_count(part, name) for part in parts for name in _INPUT),
        output_tokens=output,
        cache_read_tokens=read,
        cache_creation_tokens=written,
        reasoning_tokens=min(output, sum(_part(part, "output_tokens_details", "thinking_tokens") for part in parts)),
        cache_creation_1h_tokens=min(
            written, sum(_part(part, "cache_creation", "ephemeral_1h_input_tokens") for part in parts)
        ),
    )


def _outside(raw: Raw) -> list[Raw]:
    """Give the samplings that the top level leaves out."""
    iterations = raw.get("iterations")
    if type(iterations) is not list:
        return []
    return [one for one in iterations if type(one) is dict and one.get("type") in _OUTSIDE]


def _part(raw: Raw, name: str, inside: str) -> int:
    details = raw.get(name)
    return _count(details, inside) if type(details) is dict else 0


def _count(raw: Raw, name: str) -> int:
    number = raw.get(name)
    return number if _is_count(number) else 0


def _is_count(number: Any) -> TypeGuard[int]:
    return type(number) is int and 0 <= number <= _MOST_TOKENS
