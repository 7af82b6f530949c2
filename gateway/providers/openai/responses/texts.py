"""The texts of a response: what the model reads, and whatever it can say - answer, reasoning, refusal, calls, code.

The rule that matters: a shape nobody expected gives less or nothing, never an error.
"""

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.model import Call
from gateway.providers.decoding import UNREADABLE
from gateway.providers.openai.parts import MEDIA_TYPES
from gateway.providers.openai.responses.items import parts_in

_SAID = frozenset(
    (
        *("name", "arguments", "input", "code", "text", "refusal", "transcript"),
        *("content", "summary", "action", "actions", "query", "queries", "commands", "command", "operation", "diff"),
    )
)
"""Where an item of the output says what the model wrote: texts, and what holds some."""


def prompt(call: Call) -> Any:
    """Give the body without images, audio and files: they are no text to the model."""
    given = call.body.get("input")
    if type(given) is not list:
        return call.body
    return {**call.body, "input": [_without_media(item) for item in given if item.get("type") not in MEDIA_TYPES]}


def prompt_texts(call: Call) -> Iterator[str]:
    """Give the contents of the messages, and the texts of tools' results."""
    given = call.body.get("input")
    if type(given) is str:
        yield given
    for item in given if type(given) is list else ():
        yield from (item[name] for name in ("content", "output") if type(item.get(name)) is str)
        for part in parts_in(item):
            yield from (part[name] for name in ("text", "refusal") if type(part.get(name)) is str)


def answer_texts(_call: Call, body: bytes) -> list[str]:
    """Give the generated texts of an answer that was not streamed."""
    answer = open_object(body)
    return [] if answer is None else output_texts(answer.get("output"))


def output_texts(output: Any) -> list[str]:
    """Give the generated texts of the items of an output."""
    return [text for item in output for text in item_texts(item)] if type(output) is list else []


def item_texts(item: Any) -> Iterator[str]:
    """Give what the model wrote in one item: each text that stands where texts stand, however nested."""
    stack = [item]
    while stack:
        value = stack.pop()
        if type(value) is str and value:
            yield value
        elif type(value) is list:
            stack.extend(reversed(value))
        elif type(value) is dict:
            stack.extend(inside for name, inside in value.items() if name in _SAID)


def open_object(data: bytes) -> dict[str, Any] | None:
    """Read a provider's JSON object, once more with the forgiving decoder where the strict one refuses it."""
    try:
        decoded = msgspec.json.decode(data)
    except UNREADABLE:
        try:
            decoded = json.loads(data.decode("utf-8-sig", "replace"), strict=False)
        except (ValueError, RecursionError):
            return None
    return decoded if type(decoded) is dict else None


def _without_media(item: dict[str, Any]) -> dict[str, Any]:
    return {name: _without_parts(value) if name in {"content", "output"} else value for name, value in item.items()}


def _without_parts(value: Any) -> Any:
    if type(value) is list:
        return [part for part in value if not _is_medium(part)]
    return None if _is_medium(value) else value


def _is_medium(part: Any) -> bool:
    kind = part.get("type") if type(part) is dict else None
    return type(kind) is str and kind in MEDIA_TYPES
