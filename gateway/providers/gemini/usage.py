"""What a call consumed, by the provider's own numbers (https://ai.google.dev/api/generate-content#UsageMetadata).

The rule that matters: input is the prompt, cached tokens inside, and what tools brought; output is candidates and
thoughts. Every chunk of a stream tells all of it so far. A count of zero is left out, and a usage without any count is
none.
"""

from typing import Any

import msgspec

from gateway.model import Call, Usage
from gateway.providers.decoding import opener

_MOST_TOKENS = 10**9
_COUNTS = (
    "promptTokenCount",
    "toolUsePromptTokenCount",
    "candidatesTokenCount",
    "thoughtsTokenCount",
    "totalTokenCount",
)
_AUDIO = "AUDIO"


class Chunk(msgspec.Struct, gc=False):
    """What metering reads of an answer, or of a chunk of it; whatever types the fields came with."""

    candidates: Any = None
    usageMetadata: Any = None  # noqa: N815 - the wire's name
    error: Any = None


open_chunk = opener(Chunk)


def usage_of(call: Call, body: bytes) -> Usage | None:
    """Read the usage of an answer that came in one piece; None where the provider did not say, or not credibly."""
    chunk = None if call.is_free else open_chunk(body)
    return None if chunk is None else reported(chunk.usageMetadata)


def reported(raw: Any) -> Usage | None:
    """Read a `usageMetadata`; the total decides what nobody named: output, or a prompt that was left out."""
    if type(raw) is not dict:
        return None
    told = [raw.get(name) for name in _COUNTS]
    if not all(count is None or _is_count(count) for count in told) or (told[0] is None and told[-1] is None):
        return None
    prompt, tools, candidates, thoughts, total = (count or 0 for count in told)
    output = candidates + thoughts
    if told[0] is None:
        prompt = max(0, total - tools - output)
    output = max(output, total - prompt - tools)
    return Usage(
        input_tokens=prompt + tools,
        output_tokens=output,
        cache_read_tokens=min(prompt, _count(raw.get("cachedContentTokenCount"))),
        reasoning_tokens=min(output, thoughts),
        input_audio_tokens=min(
            prompt + tools, _audio(raw.get("promptTokensDetails")) + _audio(raw.get("toolUsePromptTokensDetails"))
        ),
        output_audio_tokens=min(output, _audio(raw.get("candidatesTokensDetails"))),
    )


def _audio(details: Any) -> int:
    """Sum the tokens of sound in counts by modality."""
    if type(details) is not list:
        return 0
    return sum(_count(one.get("tokenCount")) for one in details if type(one) is dict and one.get("modality") == _AUDIO)


def _count(value: Any) -> int:
    return value if _is_count(value) else 0


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _MOST_TOKENS
