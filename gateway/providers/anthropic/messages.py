"""Messages and token counting in Anthropic's wire language; each function stands where its question belongs.

(https://platform.claude.com/docs/en/api/messages, .../messages-count-tokens)
"""

from gateway.providers.anthropic.blocks import prompt, prompt_texts
from gateway.providers.anthropic.endings import cut_frame, error_event
from gateway.providers.anthropic.meter import meter
from gateway.providers.anthropic.reading import read
from gateway.providers.anthropic.sending import is_visible, outgoing
from gateway.providers.anthropic.texts import answer_texts
from gateway.providers.anthropic.usage import usage_of
from gateway.providers.format import JSON as TAKES
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
