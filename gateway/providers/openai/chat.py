"""Chat, legacy completions and embeddings in OpenAI's wire language; each function stands where its question belongs.

(https://platform.openai.com/docs/api-reference/chat, .../completions, .../embeddings)
"""

from gateway.providers.format import JSON as TAKES
from gateway.providers.openai.endings import cut_frame, error_event
from gateway.providers.openai.meter import meter
from gateway.providers.openai.reading import read
from gateway.providers.openai.sending import is_visible, outgoing
from gateway.providers.openai.texts import answer_texts, prompt, prompt_texts
from gateway.providers.openai.usage import usage_of
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
