"""The texts that a model generated, found in an answer's blocks or in a stream's deltas, for counting.

The rule that matters: whatever a model can say in is read - text, reasoning, a tool's name and input - and what the
provider put between, results of its own tools and citations, is not: that is input. Nothing raises.
(https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html)
"""

from collections.abc import Iterator
from typing import Any

from gateway.model import Call
from gateway.providers.bedrock.events import open_answer
from gateway.providers.decoding import json_text

Piece = tuple[str, str]
"""A text and the field that it stands in; those of one block and field are one text."""

# What the provider says: results of the tools that it runs, where a text comes from, who wrote a thought.
_GIVEN = frozenset({"toolResult", "citation", "signature"})


def answer_texts(_call: Call, body: bytes) -> list[str]:
    """Give the generated texts of an answer that was not streamed; garbage has none."""
    answer = open_answer(body)
    output = answer.output if answer else None
    message = output.get("message") if type(output) is dict else None
    content = message.get("content") if type(message) is dict else None
    blocks = content if type(content) is list else []
    return [text for block in blocks for _, text in of_block(block)]


def of_block(block: Any) -> Iterator[Piece]:
    """Give the texts of a block, of a delta, or of what a stream tells of a block at its start; never an empty one."""
    for name, value in block.items() if type(block) is dict else ():
        if name == "toolUse":
            yield from _of_tool(value)
        elif name == "reasoningContent":
            yield from _of_reasoning(value)
        elif name == "citationsContent":
            yield from _of_parts(value)
        elif name == "text":
            yield from _text(name, value)


def is_output(delta: Any) -> bool:
    """Say whether a delta stands for something that the model produced, be it invisible."""
    if type(delta) is not dict:
        return True
    reasoning = delta.get("reasoningContent")
    return not _GIVEN & delta.keys() and not (type(reasoning) is dict and _GIVEN & reasoning.keys())


def _of_tool(use: Any) -> Iterator[Piece]:
    if type(use) is dict:
        yield from _text("name", use.get("name"))
        given = use.get("input")
        yield from _text("input", json_text(given) if given else "")


def _of_reasoning(content: Any) -> Iterator[Piece]:
    """Read reasoning: whole, it stands one level deeper than in a delta; redacted, its length is all there is."""
    if type(content) is dict:
        inner = content.get("reasoningText")
        yield from _text("reasoning", inner.get("text") if type(inner) is dict else content.get("text"))
        yield from _text("redacted", content.get("redactedContent"))


def _of_parts(cited: Any) -> Iterator[Piece]:
    """Read a text with its sources: only what was generated."""
    parts = cited.get("content") if type(cited) is dict else None
    for part in parts if type(parts) is list else ():
        if type(part) is dict:
            yield from _text("text", part.get("text"))


def _text(name: str, text: Any) -> Iterator[Piece]:
    if text and type(text) is str:
        yield name, text
