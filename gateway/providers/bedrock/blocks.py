"""The content blocks of a prompt: which of them are media, which are texts, and the same without the bytes of media.

The rule that matters: all three go the same way through a message, so what is held as an image is not counted as text,
and what is counted as text is not taken out. A document in a format that is text counts as its text.
(https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html)
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.model import Call, Media, MediaKind
from gateway.providers.fields import required, wrong_type
from gateway.providers.media import inline

Block = dict[str, Any]

_KINDS = {
    "image": MediaKind.IMAGE,
    "document": MediaKind.DOCUMENT,
    "video": MediaKind.VIDEO,
    "audio": MediaKind.AUDIO,
}
_TEXT_FORMATS = frozenset({"txt", "md", "html", "csv"})
_S3 = "s3Location"
_RESULT = "toolResult"
# Where a block holds text or other blocks.
_NESTED = ("toolResult", "guardContent", "document", "searchResult", "citationsContent", "reasoningContent")


@dataclass(frozen=True, slots=True)
class Found:
    """What the messages of a prompt hold beside text.

    `has_stored`: files of unknown length that only the provider can read. `is_tool_turn`: the last message brings a
    tool's result.
    """

    media: tuple[Media, ...] = ()
    has_stored: bool = False
    is_tool_turn: bool = False


def found(messages: list[Any]) -> Found:
    """Check the messages and give what they hold. Raises BadRequest."""
    last: list[Block] = []
    files: list[tuple[str, Block]] = []
    for place, message in enumerate(messages):
        last = _blocks_of(message, f"messages[{place}]")
        files += (file for block in last for file in _files(block))
    return Found(
        media=tuple(_media(kind, file) for kind, file in files),
        has_stored=any(kind != "image" and _data(file) is None for kind, file in files),
        is_tool_turn=any(_RESULT in block for block in last),
    )


def _blocks_of(message: Any, at: str) -> list[Block]:
    if type(message) is not dict:
        raise wrong_type(at, "an object", message)
    required(message, "role", str, at=f"{at}.")
    content = required(message, "content", list, at=f"{at}.")
    for index, block in enumerate(content):
        if type(block) is not dict:
            raise wrong_type(f"{at}.content[{index}]", "an object", block)
    return content


def _files(root: Any) -> Iterator[tuple[str, Block]]:
    """Find the files in a block, and in those inside it: the results of tools hold blocks."""
    stack = [root]
    while stack:
        item = stack.pop()
        if type(item) is list:
            stack.extend(reversed(item))
        elif type(item) is dict:
            yield from ((kind, item[kind]) for kind in _KINDS if _is_file(item.get(kind)))
            result = item.get(_RESULT)
            stack.extend(item[name] for name in ("guardContent", "content") if name in item)
            stack.extend([result] if type(result) is dict else [])


def _is_file(value: Any) -> bool:
    """Say whether this is the description of a file: one at S3, or here and no text."""
    source = value.get("source") if type(value) is dict else None
    if type(source) is not dict:
        return False
    return _S3 in source or (type(source.get("bytes")) is str and value.get("format") not in _TEXT_FORMATS)


def _data(file: Block) -> str | None:
    """Give the base64 that a file stands here as."""
    data = file["source"].get("bytes")
    return data if type(data) is str else None


def _media(kind: str, file: Block) -> Media:
    data = _data(file)
    return Media(_KINDS[kind]) if data is None else inline(_KINDS[kind], data)


def prompt(call: Call) -> Any:
    """Give the body without the bytes of media: they are no text to the model."""
    messages = [
        {**message, "content": _without_bytes(message["content"])} for message in call.body.get("messages") or []
    ]
    return {**call.body, "messages": messages}


def _without_bytes(item: Any) -> Any:
    """Copy what `_files` walks; no deeper than a body may be."""
    if type(item) is list:
        return [_without_bytes(one) for one in item]
    if type(item) is not dict:
        return item
    copy = dict(item)
    for name, value in item.items():
        if name in _KINDS and type(value) is dict:
            copy[name] = _without_file(value)
        elif name in {"content", "guardContent", _RESULT}:
            copy[name] = _without_bytes(value)
    return copy


def _without_file(value: Block) -> Block:
    if _is_file(value):
        return {name: held for name, held in value.items() if name != "source"}
    text = _decoded(value)
    return value if text is None else {**value, "source": {"text": text}}


def _decoded(value: Block) -> str | None:
    """Give the text of a document whose format is text."""
    source = value.get("source")
    data = source.get("bytes") if type(source) is dict else None
    if type(data) is not str:
        return None
    try:
        return base64.b64decode(data, validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return None


def prompt_texts(call: Call) -> Iterator[str]:
    """Give the contents of the messages: texts, the results of tools, documents that are text."""
    stack = [block for message in reversed(call.body.get("messages") or []) for block in reversed(message["content"])]
    while stack:
        item = stack.pop()
        if type(item) is list:
            stack.extend(reversed(item))
        elif type(item) is dict:
            text = item.get("text")
            if type(text) is str:
                yield text
            else:
                stack.append(text)
            stack.extend(item[name] for name in ("content", *_NESTED) if name in item)
            stack.extend(_of_document(item))


def _of_document(item: Block) -> list[Any]:
    source = item.get("source")
    if type(source) is not dict:
        return []
    text = _decoded(item) if item.get("format") in _TEXT_FORMATS else None
    return [source] if text is None else [{"text": text}]
