"""OpenAI's chat formula: the texts of a chat, and the tokens that stand around them (constants.py). Pure.

The one rule: a body is a stranger's; whatever its types, there is an answer. Only what nests deeper than any honest
schema raises, `NotRendered`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.tokens.constants import (
    MESSAGE_TOKENS,
    NAME_TOKENS,
    PARALLEL_CALLS_TOKENS,
    REPLY_TOKENS,
    ROLE_TOKENS,
    ROLES,
    TOOL_CALL_TOKENS,
    TOOLS_AFTER_SYSTEM_TOKENS,
    TOOLS_TOKENS,
)
from gateway.tokens.schema import compact_json, namespace


def prompt(body: Mapping[str, Any]) -> Iterator[str | int]:
    """Sum a chat: priming, messages, tool definitions, the schema of the answer, the predicted output."""
    yield REPLY_TOKENS
    messages = objects(body.get("messages"))
    for item in messages:
        yield from message(item)
    both = (body.get("tools"), body.get("functions"))
    given = [tool for some in both if isinstance(some, list) for tool in some]
    yield from tools(given, has_system=any(item.get("role") == "system" for item in messages))
    answer = body.get("response_format")
    if isinstance(answer, Mapping) and answer.get("type") == "json_schema":
        yield compact_json(answer)
    prediction = body.get("prediction")
    if isinstance(prediction, Mapping):
        yield from content(prediction.get("content"))


def objects(value: Any) -> list[Mapping[str, Any]]:
    """Give the items of a list that are objects."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def strings(value: Any) -> Iterator[str]:
    """Give a string, or the strings of a list."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, str))


def message(item: Mapping[str, Any]) -> Iterator[str | int]:
    """Sum one message."""
    role, name = item.get("role"), item.get("name")
    yield MESSAGE_TOKENS
    yield ROLE_TOKENS if isinstance(role, str) and role in ROLES else text(role)
    yield from content(item.get("content"))
    yield text(item.get("refusal"))
    if name is not None:
        yield NAME_TOKENS
        yield text(name)
    yield from _calls(item)


def content(value: Any) -> Iterator[str]:
    """Give a string, or the text and refusal parts of a list; others are media."""
    for part in objects(value):
        yield from (part[key] for key in ("text", "refusal") if isinstance(part.get(key), str))
    yield from strings(value)


def call(function: Any) -> Iterator[str | int]:
    """Sum one call of a tool: the function's name and its arguments (a custom tool's input)."""
    yield TOOL_CALL_TOKENS
    if isinstance(function, Mapping):
        yield from (text(function.get(key)) for key in ("name", "arguments", "input"))


def tools(definitions: list[Any], *, has_system: bool) -> Iterator[str | int]:
    """Sum the definitions of tools."""
    if definitions:
        yield namespace(definitions)
        yield TOOLS_TOKENS + (TOOLS_AFTER_SYSTEM_TOKENS if has_system else 0)


def text(value: Any) -> str:
    """Give a string as it is, nothing as nothing, and anything else as JSON."""
    return value if isinstance(value, str) else "" if value is None else compact_json(value)


def _calls(item: Mapping[str, Any]) -> Iterator[str | int]:
    """Sum the tool calls that an assistant made earlier."""
    made = item.get("tool_calls")
    made = made if isinstance(made, list) else []
    for one in made:
        if isinstance(one, Mapping):
            yield from call(one.get("function") or one.get("custom"))
    if len(made) > 1:
        yield PARALLEL_CALLS_TOKENS
    if item.get("function_call"):
        yield from call(item["function_call"])
