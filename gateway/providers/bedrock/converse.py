"""Converse and ConverseStream; each function stands where its question belongs."""

from gateway.providers.bedrock.blocks import prompt, prompt_texts
from gateway.providers.bedrock.endings import cut_frame, error_event
from gateway.providers.bedrock.meter import meter
from gateway.providers.bedrock.reading import read
from gateway.providers.bedrock.sending import is_visible, outgoing
from gateway.providers.bedrock.texts import answer_texts
from gateway.providers.bedrock.usage import usage_of
from gateway.providers.eventstream import is_stream
from gateway.providers.format import JSON as TAKES

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
