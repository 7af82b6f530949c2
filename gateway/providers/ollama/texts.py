"""The texts of a prompt, and those that a model generated, found in an answer or in a stream's line, for counting.

The rule that matters: whatever a model can say in is read - answer, thinking, tool calls - and a shape nobody expected
gives less or nothing, never an error.
"""

from collections.abc import Iterator
from typing import Any

from gateway.model import Call, Endpoint
from gateway.providers.decoding import json_text
from gateway.providers.ollama.lines import Line, open_line

Piece = tuple[str, str]
"""A text and the field that it stands in; those of one field are one text."""

_SAID = ("content", "thinking")
_PROMPTS = ("system", "prompt", "suffix")


def prompt(call: Call) -> Any:
    """Give the body without images: they are no text to the model."""
    body = {name: value for name, value in call.body.items() if name != "images"}
    if call.endpoint is Endpoint.OLLAMA_CHAT:
        body["messages"] = [
            {name: value for name, value in message.items() if name != "images"}
            for message in call.body.get("messages") or []
        ]
    return body


def prompt_texts(call: Call) -> Iterator[str]:
    """Give the contents of the messages, or the prompt with what stands around it, or the inputs."""
    match call.endpoint:
        case Endpoint.OLLAMA_CHAT:
            given = [message.get("content") for message in call.body.get("messages") or []]
        case Endpoint.OLLAMA_GENERATE:
            given = [call.body.get(name) for name in _PROMPTS]
        case _:
            inputs = call.body["input"]
            given = inputs if type(inputs) is list else [inputs]
    yield from (text for text in given if text)


def answer_texts(call: Call, body: bytes) -> list[str]:
    """Give the generated texts of an answer in one piece; an embedding or garbage has none."""
    answer = None if call.endpoint is Endpoint.OLLAMA_EMBED else open_line(body)
    return [] if answer is None else [text for _, text in pieces(answer)]


def pieces(line: Line) -> list[Piece]:
    """Give each generated text of an answer or a line, in order; never an empty one."""
    found: list[Piece] = []
    _add(found, "thinking", line.thinking)
    _add(found, "response", line.response)
    message = line.message
    if type(message) is dict:
        for name in _SAID:
            _add(found, name, message.get(name))
        calls = message.get("tool_calls")
        for call in calls if type(calls) is list else ():
            _add_call(found, call)
    return found


def _add(found: list[Piece], name: str, text: Any) -> None:
    if text and type(text) is str:
        found.append((name, text))


def _add_call(found: list[Piece], call: Any) -> None:
    function = call.get("function") if type(call) is dict else None
    if type(function) is dict:
        _add(found, "tool_calls", function.get("name"))
        given = function.get("arguments")
        _add(found, "tool_calls", json_text(given) if given else "")
