"""What the model reads and what it says: the prompt's texts, and those of candidates.

The rule that matters: whatever a model can say in is read - text, thoughts, calls, code - and a shape nobody expected
gives less or nothing, never an error.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.model import Call, Endpoint
from gateway.providers.decoding import json_text
from gateway.providers.gemini.parts import ANSWER, INLINE, medium
from gateway.providers.gemini.reading import contents_of
from gateway.providers.gemini.spelling import camel, objects, spelled
from gateway.providers.gemini.usage import open_chunk

Channel = tuple[int, str]
"""Where a text belongs: (candidate, field). Chunks of one channel are one text."""

Piece = tuple[Channel, str]

_READ = frozenset({"contents", "systemInstruction", "tools", "toolConfig"})
_SCHEMAS = frozenset({"responseSchema", "responseJsonSchema", "responseFormat"})


def prompt(call: Call) -> Any:
    """Give what the model reads, without the bytes of media."""
    if call.endpoint is not Endpoint.GENERATE_CONTENT:
        return {"contents": [_without_media(content) for content in contents_of(call)]}
    read = {name: value for name, value in call.body.items() if camel(name) in _READ}
    config = call.body.get(spelled(call.body, "generationConfig")) or {}
    schemas = {name: value for name, value in config.items() if camel(name) in _SCHEMAS}
    contents = [_without_media(content) for content in objects(call.body, "contents")]
    return {**read, "contents": contents, **schemas}


def prompt_texts(call: Call) -> Iterator[str]:
    """Give the texts of the contents."""
    for content in contents_of(call):
        for part in objects(content, "parts"):
            text = part.get("text")
            if type(text) is str:
                yield text


def _without_media(holder: Mapping[str, Any]) -> dict[str, Any]:
    """Give a content, or a function's result, with its inline parts but not their bytes."""
    return {**holder, "parts": [_bare(part) for part in objects(holder, "parts")]}


def _bare(part: Mapping[str, Any]) -> dict[str, Any]:
    blob, answer = spelled(part, INLINE), spelled(part, ANSWER)
    bare = dict(part)
    if type(bare.get(blob)) is dict and medium(bare[blob]) is not None:
        del bare[blob]
    if type(bare.get(answer)) is dict:
        bare[answer] = _without_media(bare[answer])
    return bare


def answer_texts(_call: Call, body: bytes) -> list[str]:
    """Give the generated texts of an answer that came in one piece; an embedding or garbage has none."""
    chunk = open_chunk(body)
    texts: dict[Channel, list[str]] = {}
    for channel, text in pieces(None if chunk is None else chunk.candidates):
        texts.setdefault(channel, []).append(text)
    return ["".join(parts) for parts in texts.values()]


def pieces(candidates: Any) -> list[Piece]:
    """Give each generated text among the candidates with its channel, in order; never an empty one."""
    said: list[Piece] = []
    for candidate in _dicts(candidates):
        place = candidate.get("index")
        index = place if type(place) is int else 0
        for part in parts_of(candidate):
            _collect(part, index, said)
    return said


def parts_of(candidate: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Give the parts of a candidate's content; a blocked one has none."""
    content = candidate.get("content")
    return _dicts(content.get("parts")) if type(content) is dict else []


def _collect(part: Mapping[str, Any], index: int, said: list[Piece]) -> None:
    text = part.get("text")
    if type(text) is str and text:
        said.append(((index, "thought" if part.get("thought") else "text"), text))
    for name, inside in (("executableCode", "code"), ("codeExecutionResult", "output")):
        holder = part.get(name)
        value = holder.get(inside) if type(holder) is dict else None
        if type(value) is str and value:
            said.append(((index, name), value))
    call = part.get("functionCall")
    if type(call) is dict:
        spoken = {name: value for name, value in call.items() if name in {"name", "args", "partialArgs"}}
        # A lone surrogate that the provider sent is no reason to fail: the standard library writes it.
        said.append(((index, "functionCall"), json_text(spoken)))


def _dicts(values: Any) -> list[dict[str, Any]]:
    return [value for value in values if type(value) is dict] if type(values) is list else []
