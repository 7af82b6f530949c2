"""What a call consumed, by the provider's own numbers (`TokenUsage`).

The rule that matters: `inputTokens` holds neither what was read from the cache nor what was written to it, so the three
are added; `cacheReadInputTokenCount` and its twin are the same numbers again. What cannot be true counts as none.
(https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_TokenUsage.html)
"""

from collections.abc import Mapping
from typing import Any, TypeGuard

from gateway.model import Call, Usage
from gateway.providers.bedrock.events import open_answer

_MOST_TOKENS = 10**9
_HOUR = "1h"


def usage_of(_call: Call, body: bytes) -> Usage | None:
    """Read the usage of an answer that was not streamed; None when the provider did not say, or not credibly."""
    answer = open_answer(body)
    return None if answer is None else reported(answer.usage)


def reported(raw: Any) -> Usage | None:
    """Read a `usage` object."""
    if type(raw) is not dict:
        return None
    fresh, output = raw.get("inputTokens"), raw.get("outputTokens")
    cache = [_cached(raw, name) for name in ("cacheReadInputToken", "cacheWriteInputToken")]
    if not (_is_count(fresh) and _is_count(output)) or not all(map(_is_count, cache)):
        return None
    read, written = cache
    return Usage(
        input_tokens=fresh + read + written,
        output_tokens=output,
        cache_read_tokens=read,
        cache_creation_tokens=written,
        cache_creation_1h_tokens=min(written, _written_for_an_hour(raw)),
    )


def _cached(raw: Mapping[str, Any], name: str) -> Any:
    """Give the number under the first of its two names that has one."""
    return next((raw[twin] for twin in (f"{name}s", f"{name}Count") if raw.get(twin) is not None), 0)


def _written_for_an_hour(raw: Mapping[str, Any]) -> int:
    details = raw.get("cacheDetails")
    parts = [part for part in details if type(part) is dict] if type(details) is list else []
    numbers = [part.get("inputTokens") for part in parts if part.get("ttl") == _HOUR]
    return sum(number for number in numbers if _is_count(number))


def _is_count(number: Any) -> TypeGuard[int]:
    return type(number) is int and 0 <= number <= _MOST_TOKENS
