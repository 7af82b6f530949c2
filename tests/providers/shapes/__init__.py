"""Answers as real providers send them and the usage to be read from each, in one table.

The rule that matters: an expected usage is worked out from the provider's own documentation or recording, never from
what the gateway happens to read.
"""

from itertools import chain

from tests.providers.shapes import (
    anthropic,
    bedrock,
    compatible,
    gemini,
    ollama,
    openai_chat,
    openai_media,
    openai_responses,
)
from tests.providers.shapes.shape import Shape

_FAMILIES = (openai_chat, compatible, openai_responses, openai_media, anthropic, gemini, ollama, bedrock)

SHAPES: tuple[Shape, ...] = tuple(chain.from_iterable(family.SHAPES for family in _FAMILIES))

__all__ = ["SHAPES", "Shape"]
