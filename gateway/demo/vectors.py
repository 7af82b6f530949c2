"""Embeddings: for each text a unit vector that depends on nothing but the text. No I/O."""

import base64
import hashlib
import math
import struct
from typing import Any

import msgspec

from gateway.demo.answers import Count, UsageDocument

DEFAULT_DIMENSIONS = 256
MAX_DIMENSIONS = 4096
SAMPLE_MAX = 0xFFFF_FFFF


class EmbeddingCall(msgspec.Struct):
    """The fields of POST /embeddings that matter here; `input` also holds token ids, as OpenAI allows."""

    model: str
    input: str | list[str | int | list[int]]
    dimensions: int | None = None
    encoding_format: str | None = None


def vector(text: str, dimensions: int) -> list[float]:
    """Make a unit vector of the text's SHAKE-256."""
    digest = hashlib.shake_256(text.encode("utf-8", "replace")).digest(4 * dimensions)
    raw = [sample / SAMPLE_MAX - 0.5 for sample in struct.unpack(f"<{dimensions}I", digest)]
    length = math.sqrt(math.fsum(part * part for part in raw))
    return [part / length for part in raw]


def embed(call: EmbeddingCall, count: Count) -> dict[str, Any]:
    """Give OpenAI's embeddings document; `encoding_format: base64` is little-endian float32."""
    dimensions = min(max(call.dimensions or DEFAULT_DIMENSIONS, 1), MAX_DIMENSIONS)
    inputs = _inputs(call.input)
    data = []
    for index, item in enumerate(inputs):
        numbers: list[float] | str = vector(item if isinstance(item, str) else repr(item), dimensions)
        if call.encoding_format == "base64":
            numbers = base64.b64encode(struct.pack(f"<{dimensions}f", *numbers)).decode()
        data.append({"object": "embedding", "index": index, "embedding": numbers})
    prompt_tokens = sum(count(item) if isinstance(item, str) else len(item) for item in inputs)
    usage = UsageDocument(prompt_tokens=prompt_tokens, total_tokens=prompt_tokens)
    return {"object": "list", "model": call.model, "data": data, "usage": msgspec.to_builtins(usage)}


def _inputs(given: str | list[str | int | list[int]]) -> list[str | list[int]]:
    if isinstance(given, str):
        return [given]
    tokens = [item for item in given if isinstance(item, int)]
    return [tokens] if tokens else [item for item in given if not isinstance(item, int)]
