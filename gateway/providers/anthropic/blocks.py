"""The content blocks of a prompt: which of them are media, which are texts, and the same without the bytes of media.

The rule that matters: all three go the same way through a message, so what is held as an image is not counted as text,
and what is counted as text is not taken out. A block whose bytes nobody knows the meaning of is text.
(https://platform.claude.com/docs/en/api/messages, content blocks)
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gateway.model import Call, Media, MediaKind
from gateway.providers.fields import optional, required, wrong_type
from gateway.providers.media import inline

Block = dict[str, Any]

_KINDS = {"image": MediaKind.IMAGE, "document": MediaKind.DOCUMENT}
_ELSEWHERE = ("url", "file")
_CONTAINER_UPLOAD = "container_upload"


@dataclass(frozen=True, slots=True)
class Found:
    """What the messages of a prompt hold beside text.

    `has_stored`: files that only the provider can read. `is_tool_turn`: the last message brings a tool's result.
    """

    media: tuple[Media, ...]
    has_stored: bool
    is_tool_turn: bool


def found(messages: list[Any]) -> Found:
    """Check the messages and give what they hold. Raises BadRequest."""
    blocks: list[Block] = []
    last: list[Block] = []
    for place, message in enumerate(messages):
        last = list(_blocks_of(message, f"messages[{place}]"))
        blocks += last
    within = [inner for block in blocks for inner in _walk(block)]
    return Found(
        media=tuple(_media(block) for block in within if _is_media(block)),
        has_stored=any(_is_stored(block) for block in within),
        is_tool_turn=any(block.get("type") == "tool_result" for block in last),
    )


def _blocks_of(message: Any, at: str) -> Iterator[Block]:
    """Check one message and give its blocks; none where its content is a string."""
    if type(message) is not dict:
        raise wrong_type(at, "an object", message)
    required(message, "role", str, at=f"{at}.")
    content = message.get("content")
    if type(content) is list:
        for index, block in enumerate(content):
            if type(block) is not dict:
                raise wrong_type(f"{at}.content[{index}]", "an object", block)
            optional(block, "type", str, at=f"{at}.content[{index}].")
            yield block
    elif content is not None and type(content) is not str:
        raise wrong_type(f"{at}.content", "a string or an array", content)


def _walk(root: Any) -> Iterator[Block]:
    """Give a block and those inside it: results of tools hold blocks, and so may a document."""
    stack = [root]
    while stack:
        item = stack.pop()
        if type(item) is list:
            stack.extend(reversed(item))
        elif type(item) is dict:
            _check_types(item)
            yield item
            stack.extend(_inside(item))


def _check_types(block: Block) -> None:
    """Refuse a `type` that is no text, of a block or of its source, wherever it stands."""
    source = block.get("source")
    optional(block, "type", str)
    if type(source) is dict:
        optional(source, "type", str, at="source.")


def _inside(block: Block) -> Iterator[Any]:
    source = block.get("source")
    if type(source) is dict and source.get("type") == "content":
        yield source.get("content")
    yield block.get("content")


def _is_media(block: Block) -> bool:
    source = block.get("source")
    if block.get("type") not in _KINDS or type(source) is not dict:
        return False
    return source.get("type") in _ELSEWHERE or _data(source) is not None


def _data(source: dict[str, Any]) -> str | None:
    """Give the base64 that a source holds."""
    data = source.get("data")
    return data if source.get("type") == "base64" and type(data) is str else None


def _media(block: Block) -> Media:
    kind, data = _KINDS[block["type"]], _data(block["source"])
    return Media(kind) if data is None else inline(kind, data)


def _is_stored(block: Block) -> bool:
    """Say whether a block names a file of unknown length: a document elsewhere, or one for a container."""
    if block.get("type") == _CONTAINER_UPLOAD:
        return True
    return block.get("type") == "document" and _is_media(block) and _data(block["source"]) is None


def prompt(call: Call) -> Any:
    """Give the body without images and documents: they are no text to the model."""
    messages = [{**message, "content": _without_media(message.get("content"))} for message in call.body["messages"]]
    return {**call.body, "messages": messages}


def _without_media(item: Any) -> Any:
    """Copy what `_walk` walks; no deeper than a body may be."""
    if type(item) is list:
        return [_without_media(one) for one in item]
    if type(item) is not dict:
        return item
    copy = {**item, "content": _without_media(item["content"])} if "content" in item else dict(item)
    source = item.get("source")
    if _is_media(item):
        del copy["source"]
    elif type(source) is dict and source.get("type") == "content":
        copy["source"] = {**source, "content": _without_media(source.get("content"))}
    return copy


def prompt_texts(call: Call) -> Iterator[str]:
    """Give the contents of the messages: texts, the results of tools, documents that are text."""
    for message in call.body["messages"]:
        for block in _walk(message):
            source = block.get("source")
            held = source if type(source) is dict else {}
            texts = (block.get("text"), block.get("content"), held.get("content"))
            yield from (text for text in texts if type(text) is str)
            if held.get("type") == "text" and type(held.get("data")) is str:
                yield held["data"]
