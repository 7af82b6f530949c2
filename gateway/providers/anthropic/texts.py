"""The texts that a model generated, found in an answer's blocks or in a stream's deltas, for counting.

The rule that matters: whatever a model can say in is read - text, thinking, a tool's name and input, a summary - and
what the provider put between, results of the tools that it runs, is not: that is input. Nothing raises.
"""

from collections.abc import Iterator
from typing import Any

from gateway.model import Call, Endpoint
from gateway.providers.anthropic.events import open_answer
from gateway.providers.decoding import json_text

Piece = tuple[str, str]
"""A text and the field that it stands in; those of one block and field are one text."""

_FIELDS = ("text", "thinking", "data", "name", "content")
# What is no output: who wrote a thought, where a text comes from (both are added by the provider).
_ADDED = frozenset({"type", "signature", "citation"})
_ADDING = frozenset({"signature_delta", "citations_delta"})


def answer_texts(call: Call, body: bytes) -> list[str]:
    """Give the generated texts of an answer that was not streamed; a count or garbage has none."""
    answer = open_answer(body)
    if call.endpoint is not Endpoint.MESSAGES or answer is None or type(answer.content) is not list:
        return []
    return [text for block in answer.content for _, text in of_block(block)]


def of_block(block: Any) -> Iterator[Piece]:
    """Give the texts of a block, or of what a stream tells of it at its start; never an empty one."""
    if type(block) is not dict or _is_given(block.get("type")):
        return
    for name in _FIELDS:
        value = block.get(name)
        if type(value) is str and value:
            yield name, value
    given = block.get("input")
    if given:
        yield "input", json_text(given)


def of_delta(delta: Any) -> Iterator[Piece]:
    """Give the texts of a delta; also of one whose type nobody knows yet."""
    if type(delta) is dict:
        for name, value in delta.items():
            if type(value) is str and value and name not in _ADDED:
                yield name, value


def is_output(delta: Any) -> bool:
    """Say whether a delta stands for something that the model produced, be it invisible."""
    return type(delta) is not dict or delta.get("type") not in _ADDING


def _is_given(kind: Any) -> bool:
    """Say whether a block is the provider's word and not the model's."""
    return type(kind) is str and kind.endswith(("_tool_result", "_listing", "container_upload", "fallback"))
