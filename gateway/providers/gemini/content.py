"""Generating, counting and embedding in Gemini's wire language; each function stands where its question belongs.

(https://ai.google.dev/api/generate-content, .../api/tokens, .../api/embeddings)
"""

from gateway.providers.format import JSON as TAKES
from gateway.providers.gemini.endings import cut_frame, error_event
from gateway.providers.gemini.meter import meter
from gateway.providers.gemini.reading import read
from gateway.providers.gemini.sending import is_visible, outgoing
from gateway.providers.gemini.texts import answer_texts, prompt, prompt_texts
from gateway.providers.gemini.usage import usage_of
from gateway.providers.sse import is_stream as is_events

__all__ = [
    "TAKES",
    "answer_texts",
    "cut_frame",
    "error_event",
    "is_stream",
    "is_visible",
    "meter",
    "outgoing",
    "prompt",
    "prompt_texts",
    "read",
    "usage_of",
]


def is_stream(content_type: str) -> bool:
    """Say whether an answer of this media type (in lower case) flows: as events, or as a JSON array."""
    return is_events(content_type) or content_type.startswith(TAKES)
