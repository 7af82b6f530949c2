"""The Responses API of OpenAI's wire language; each function stands where its question belongs.

Also its two siblings: the compaction of a conversation, which has a usage of its own, and the count of an input, which
is free. (https://platform.openai.com/docs/api-reference/responses)
"""

from gateway.providers.format import JSON as TAKES
from gateway.providers.openai.responses.endings import cut_frame, error_event
from gateway.providers.openai.responses.meter import meter
from gateway.providers.openai.responses.reading import read
from gateway.providers.openai.responses.sending import is_visible, outgoing
from gateway.providers.openai.responses.texts import answer_texts, prompt, prompt_texts
from gateway.providers.openai.responses.usage import usage_of
from gateway.providers.sse import is_stream

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
