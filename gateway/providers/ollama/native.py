"""Chat, generate and embed in Ollama's language; each function stands where its question belongs."""

from gateway.providers.format import JSON as TAKES
from gateway.providers.ollama.endings import cut_frame, error_event
from gateway.providers.ollama.lines import is_stream
from gateway.providers.ollama.meter import meter
from gateway.providers.ollama.reading import read
from gateway.providers.ollama.sending import is_visible, outgoing
from gateway.providers.ollama.texts import answer_texts, prompt, prompt_texts
from gateway.providers.ollama.usage import usage_of

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
