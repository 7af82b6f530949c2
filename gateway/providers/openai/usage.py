"""What a call consumed, by the provider's own numbers.

The rule that matters: the provider's numbers win, an explicit zero included; numbers that cannot be true count as none.
`prompt_tokens` holds cached and cache-write tokens, `completion_tokens` reasoning. Where the total is larger than both,
reasoning stands outside (xAI, Gemini's compatible endpoint): told by the total, never by the model's name, for the
same model reports either way by different routes (vercel/ai#12425).
"""

from typing import Any

from gateway.model import Call, Endpoint, Usage
from gateway.providers.decoding import Envelope, open_envelope

_MOST_TOKENS = 10**9


def usage_of(call: Call, body: bytes) -> Usage | None:
    """Read the usage of an answer that was not streamed; None when the provider did not say, or not credibly."""
    envelope = open_envelope(body)
    return None if envelope is None else reported(call.endpoint, envelope)


def reported(endpoint: Endpoint, envelope: Envelope) -> Usage | None:
    """Read the usage of an answer or a chunk: at the top, under Groq's `x_groq`, or in Moonshot's first choice."""
    usage = envelope.usage
    if usage is None and type(envelope.x_groq) is dict:
        usage = envelope.x_groq.get("usage")
    if usage is None and type(envelope.choices) is list and envelope.choices and type(envelope.choices[0]) is dict:
        usage = envelope.choices[0].get("usage")
    return _usage(endpoint, usage) if type(usage) is dict else None


def _usage(endpoint: Endpoint, raw: dict[str, Any]) -> Usage | None:
    prompt, completion, total = raw.get("prompt_tokens"), raw.get("completion_tokens"), raw.get("total_tokens")
    for number in (prompt, completion, total):
        if number is not None and not (type(number) is int and 0 <= number <= _MOST_TOKENS):
            return None
    if endpoint is Endpoint.EMBEDDINGS:
        prompt, completion = (total if prompt is None else prompt), 0
    elif total is not None and prompt is not None:
        completion = max(completion or 0, total - prompt)
    elif total is not None and completion is not None:
        prompt = max(0, total - completion)
    if prompt is None or completion is None:
        return None
    return _with_details(raw, prompt, completion)


def _with_details(raw: dict[str, Any], prompt: int, completion: int) -> Usage:
    """Add the parts, clamped so that none is larger than its whole."""
    prompt_details = _details(raw, "prompt_tokens_details")
    completion_details = _details(raw, "completion_tokens_details")
    cached = min(
        prompt,
        _first_count(
            prompt_details.get("cached_tokens"),
            raw.get("prompt_cache_hit_tokens"),  # DeepSeek
            raw.get("num_cached_tokens"),  # Mistral
            raw.get("cached_tokens"),  # Moonshot
        ),
    )
    written = _first_count(prompt_details.get("cache_write_tokens"))
    reasoning = _first_count(completion_details.get("reasoning_tokens"), raw.get("reasoning_tokens"))
    return Usage(
        input_tokens=prompt,
        output_tokens=completion,
        cache_read_tokens=cached,
        cache_creation_tokens=min(prompt - cached, written),
        reasoning_tokens=min(completion, reasoning),
        input_audio_tokens=min(prompt, _first_count(prompt_details.get("audio_tokens"))),
        output_audio_tokens=min(completion, _first_count(completion_details.get("audio_tokens"))),
    )


def _details(raw: dict[str, Any], name: str) -> dict[str, Any]:
    details = raw.get(name)
    return details if type(details) is dict else {}


def _first_count(*numbers: Any) -> int:
    for number in numbers:
        if type(number) is int and 0 <= number <= _MOST_TOKENS:
            return number
    return 0
