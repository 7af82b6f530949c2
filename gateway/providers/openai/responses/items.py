"""The items of a response's input: messages, tool calls and their results, and what refers to something stored.

The rule that matters: an item that only names what it stands for is known to the provider alone, and so is a tool that
the provider runs; a configured cap is held for both.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.model import Media
from gateway.providers.fields import missing, optional, wrong_type
from gateway.providers.openai.parts import MEDIA_TYPES, TEXT_PARTS, is_document_elsewhere, media_of
from gateway.providers.openai.reading import read_parts
from gateway.providers.openai.refusals import has_hosted, tools_in

OWN_TOOLS = frozenset({"function", "custom", "local_shell", "apply_patch"})
"""The tools that the client runs; some others are the client's by their own word, see `has_hosted_tools`."""

_OWN_EXECUTIONS = {"shell": ("environment", "local"), "tool_search": ("execution", "client")}
_TOOLS_IN = frozenset({"additional_tools", "tool_search_output"})
_STORED_CALLS = frozenset({"item_reference", "web_search_call", "file_search_call"})
_SEALED = frozenset({"reasoning", "compaction"})


@dataclass(frozen=True, slots=True)
class Items:
    """What an input says of the call."""

    media: tuple[Media, ...] = ()
    has_unseen: bool = False
    has_hosted: bool = False
    is_tool_turn: bool = False


def read_items(body: Mapping[str, Any], *, is_needed: bool) -> Items:
    """Check the input, a string or items, and say what is in it. Raises BadRequest."""
    given = body.get("input")
    if given is None and is_needed:
        raise missing("input")
    if given is None or type(given) is str:
        return Items()
    if type(given) is not list:
        raise wrong_type("input", "a string or an array", given)
    media: list[Media] = []
    has_unseen = hosted = False
    for place, item in enumerate(given):
        at = f"input[{place}]"
        if type(item) is not dict:
            raise wrong_type(at, "an object", item)
        kind = optional(item, "type", str, at=f"{at}.")
        has_unseen |= _is_stored(item, kind)
        hosted |= kind in _TOOLS_IN and has_hosted_tools(tools_in(item, at=f"{at}."))
        for part in _parts(item, at):
            has_unseen |= is_document_elsewhere(part)
            if not is_document_elsewhere(part):
                media.append(media_of(part))
    last = given[-1].get("type") if given else None
    is_tool_turn = type(last) is str and last.endswith("_output")
    return Items(tuple(media), has_unseen, hosted, is_tool_turn)


def has_hosted_tools(tools: list[dict[str, Any]]) -> bool:
    """Say whether the provider runs one of these tools. Raises BadRequest."""
    for tool in tools:
        if tool.get("type") == "namespace":
            if has_hosted(tools_in(tool, at="tools[]."), OWN_TOOLS):
                return True
        elif not _is_own(tool):
            return True
    return False


def parts_in(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Give the parts of an item that are objects, in its content and in a tool's result; the item, if it is one."""
    for name in ("content", "output"):
        value = item.get(name)
        parts = value if type(value) is list else [value]
        yield from (part for part in parts if type(part) is dict)
    if item.get("type") in MEDIA_TYPES:
        yield dict(item)


def _parts(item: Mapping[str, Any], at: str) -> Iterator[dict[str, Any]]:
    """Give the parts that are no text: of a message all unknown ones, of a tool's result those that are known."""
    if item.get("role") is not None:
        yield from (part for part in read_parts(item, at=at) if part.get("type") not in TEXT_PARTS)
    else:
        for part in parts_in(item):
            if type(part.get("type")) is str and part["type"] in MEDIA_TYPES:
                yield part


def _is_stored(item: Mapping[str, Any], kind: str | None) -> bool:
    if kind in _SEALED:
        return not (item.get("encrypted_content") or item.get("content"))
    return kind in _STORED_CALLS or (kind is None and item.get("role") is None)


def _is_own(tool: Mapping[str, Any]) -> bool:
    kind = tool.get("type")
    if type(kind) is not str:
        return False
    field, wanted = _OWN_EXECUTIONS.get(kind, ("", ""))
    said = tool.get(field) if field else None
    return kind in OWN_TOOLS or (bool(field) and wanted in {said if type(said) is str else None, _type_of(said)})


def _type_of(value: Any) -> str | None:
    kind = value.get("type") if type(value) is dict else None
    return kind if type(kind) is str else None
