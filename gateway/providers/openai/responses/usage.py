"""What a response consumed, by the provider's own numbers; images that a tool of its generated are reported beside.

The rule that matters: `usage` is the model's own, `tool_usage.image_gen` comes on top of it (API reference, the
response object: "separate from base model `usage`"). In a stream, only the event that ends it has them.
"""

from typing import Any

import msgspec
from msgspec import structs

from gateway.model import Call, Endpoint, Usage
from gateway.providers.decoding import UNREADABLE, Envelope
from gateway.providers.openai.usage import reported


class _Answer(msgspec.Struct, gc=False):
    """The fields of an answer that metering reads; whatever types they came with."""

    usage: Any = None
    tool_usage: Any = None


_decode = msgspec.json.Decoder(_Answer).decode


def usage_of(_call: Call, body: bytes) -> Usage | None:
    """Read the usage of an answer that was not streamed; None where the provider did not say, or not credibly."""
    try:
        answer = _decode(body)
    except UNREADABLE:
        return None
    return usage_in({"usage": answer.usage, "tool_usage": answer.tool_usage})


def usage_in(response: dict[str, Any]) -> Usage | None:
    """Read the usage of a response object."""
    usage = _read(response.get("usage"))
    tools = response.get("tool_usage")
    images = _read(tools.get("image_gen")) if type(tools) is dict else None
    if usage is None or images is None:
        return usage
    return structs.replace(
        usage,
        input_tokens=usage.input_tokens + images.input_tokens,
        output_tokens=usage.output_tokens + images.output_tokens,
    )


def _read(raw: Any) -> Usage | None:
    """Read a usage object by what chat calls the same numbers."""
    if type(raw) is not dict:
        return None
    details = raw.get("input_tokens_details")
    if type(details) is dict and details.get("cache_write_tokens") is None:
        details = {**details, "cache_write_tokens": details.get("cache_creation_input_tokens")}  # Perplexity
    named = {
        "prompt_tokens": raw.get("input_tokens"),
        "completion_tokens": raw.get("output_tokens"),
        "total_tokens": raw.get("total_tokens"),
        "prompt_tokens_details": details,
        "completion_tokens_details": raw.get("output_tokens_details"),
    }
    return reported(Endpoint.CHAT, Envelope(usage=named))
