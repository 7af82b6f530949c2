"""OpenAI's wire format (https://platform.openai.com/docs/api-reference): any compatible server's, and the demo's.

This module is a Dialect: each function stands in the file that owns its question.
"""

from gateway.providers.endings import cut_frame, error_body, error_event
from gateway.providers.meter import StreamMeter as meter  # noqa: N813 - the dialect's word for making one
from gateway.providers.names import thinks
from gateway.providers.reading import read, understand
from gateway.providers.sending import auth_headers, is_visible, outgoing, path
from gateway.providers.texts import answer_texts
from gateway.providers.usage import usage_of

__all__ = [
    "answer_texts",
    "auth_headers",
    "cut_frame",
    "error_body",
    "error_event",
    "is_visible",
    "meter",
    "outgoing",
    "path",
    "read",
    "thinks",
    "understand",
    "usage_of",
]
