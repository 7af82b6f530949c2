"""The texts that a model generated, found in an answer or in a stream's chunk, for counting what nobody reported.

The rule that matters: whatever a model can say in is read - answer, reasoning, refusal, tool calls, transcript - and a
shape nobody expected gives less or nothing, never an error.
"""

from collections.abc import Iterator
from typing import Any

from gateway.model import Call, Endpoint
from gateway.providers.decoding import json_text, open_envelope
from gateway.providers.openai.parts import MEDIA_TYPES

Channel = tuple[Any, ...]
"""Where a text belongs: (choice, field) or (choice, field, call, part). Chunks of one channel are one text."""

Piece = tuple[Channel, str]

_PLAIN = frozenset({"content", "reasoning_content", "reasoning", "refusal", "text"})
_INSIDE = ("text", "thinking", "reasoning", "summary", "content", "refusal", "transcript")


def prompt(call: Call) -> Any:
    """Give the body without images, audio and files: they are no text to the model."""
    if call.endpoint is not Endpoint.CHAT:
        return call.body
    return {**call.body, "messages": [_without_media(message) for message in call.body["messages"]]}


def prompt_texts(call: Call) -> Iterator[str]:
    """Give the contents of the messages, or the prompts, or the inputs."""
    if call.endpoint is Endpoint.CHAT:
        for message in call.body["messages"]:
            yield from _content_texts(message.get("content"))
    else:
        value = call.body["prompt" if call.endpoint is Endpoint.COMPLETIONS else "input"]
        yield from [value] if type(value) is str else (item for item in value if type(item) is str)


def _content_texts(content: Any) -> Iterator[str]:
    if type(content) is str:
        yield content
    for part in _objects(content):
        yield from (part[name] for name in ("text", "refusal") if type(part.get(name)) is str)


def _without_media(message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    if type(content) is not list:
        return message
    return {**message, "content": [part for part in content if part.get("type") not in MEDIA_TYPES]}


def answer_texts(call: Call, body: bytes) -> list[str]:
    """Give the generated texts of an answer that was not streamed; an embedding or garbage has none."""
    envelope = None if call.endpoint is Endpoint.EMBEDDINGS else open_envelope(body)
    if envelope is None:
        return []
    texts: dict[Channel, list[str]] = {}
    for channel, text in pieces(envelope.choices):
        texts.setdefault(channel, []).append(text)
    return ["".join(parts) for parts in texts.values()]


def pieces(choices: Any) -> list[Piece]:
    """Give each generated text among the choices with its channel, in order; never an empty one."""
    found: list[Piece] = []
    for choice in _objects(choices):
        number = choice.get("index")
        index = number if type(number) is int else 0
        text = choice.get("text")
        if text and type(text) is str:
            found.append(((index, "text"), text))
        said = choice.get("delta") or choice.get("message")
        if type(said) is dict:
            _collect(said, index, found)
    return found


def _collect(said: dict[str, Any], index: int, found: list[Piece]) -> None:
    for name, value in said.items():
        if not value:
            continue
        if name in _PLAIN:
            # vLLM sent its reasoning under both names while it renamed the field.
            if name != "reasoning" or value != said.get("reasoning_content"):
                _collect_parts(value, (index, name), found)
        elif name == "tool_calls":
            _collect_calls(value, index, found)
        elif name == "function_call":
            _collect_call(value, (index, name), found)
        elif name == "audio":
            _collect_parts(value, (index, name), found)
        elif name == "reasoning_details" and not (said.get("reasoning") or said.get("reasoning_content")):
            # OpenRouter repeats here what `reasoning` says, unless it leaves that out.
            _collect_parts(value, (index, name), found)


def _collect_calls(calls: Any, index: int, found: list[Piece]) -> None:
    for place, call in enumerate(_objects(calls)):
        number = call.get("index")
        channel = (index, "tool_calls", number if type(number) is int else place)
        _collect_call(call.get("function"), channel, found)
        _collect_call(call.get("custom"), channel, found)


def _collect_call(call: Any, channel: Channel, found: list[Piece]) -> None:
    if type(call) is not dict:
        return
    for part in ("name", "arguments", "input"):
        value = call.get(part)
        if value:
            # Arguments are JSON in a string; some servers send the object itself.
            found.append(((*channel, part), json_text(value)))


def _collect_parts(value: Any, channel: Channel, found: list[Piece]) -> None:
    """Collect a string, or the texts of content parts however these are nested (Mistral's `thinking` holds parts)."""
    if type(value) is str:
        found.append((channel, value))
        return
    stack = [value]
    while stack:
        item = stack.pop()
        if type(item) is str and item:
            found.append((channel, item))
        elif type(item) is list:
            stack.extend(reversed(item))
        elif type(item) is dict:
            stack.extend(item[name] for name in reversed(_INSIDE) if name in item)


def _objects(values: Any) -> list[dict[str, Any]]:
    return [value for value in values if type(value) is dict] if type(values) is list else []
