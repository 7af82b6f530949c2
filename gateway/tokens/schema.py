"""Tool definitions as the text that OpenAI's models read: a TypeScript namespace. Pure.

    namespace functions {

    // Get the weather
    type weather = (_: {
    // The city
    city: string,
    unit?: "c" | "f",
    }) => any;

    } // namespace functions

OpenAI does not document it; it is what models repeat when asked, and what openai/harmony (docs/format.md) writes down
for gpt-oss. The one rule: a schema is a stranger's. Any JSON is rendered, with what has no TypeScript form as JSON; no
part is visited twice; what nests deeper than `SCHEMA_DEPTH_AT_MOST` raises `NotRendered`, and nothing else is raised.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.tokens.constants import NODE_TOKENS, SCHEMA_DEPTH_AT_MOST

_NOTHING = ("any", "object")
_PLAIN = {"integer": "number"}
_BRANCHES = ("anyOf", "oneOf", "allOf")
_DEFINITIONS = ("$defs", "definitions")
# `iterencode` walks in Python, so that a large value never holds the interpreter lock for long, as `encode` would.
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class NotRendered(Exception):
    """The value nests deeper than any honest one, or holds a number that Python will not print."""


def compact_json(value: Any) -> str:
    """Write a decoded JSON value without spaces. Raises `NotRendered`."""
    try:
        return "".join(_JSON.iterencode(value))
    except (RecursionError, ValueError) as error:
        raise NotRendered from error


def namespace(tools: list[Any]) -> str:
    """Render OpenAI `tools` (or the legacy `functions`), well-formed or not. Raises `NotRendered`."""
    return "\n".join(["namespace functions {", "", *(_tool(tool) for tool in tools), "} // namespace functions"])


def _tool(tool: Any) -> str:
    """Render one definition; one that is no function as JSON."""
    function = tool.get("function", tool) if isinstance(tool, Mapping) and _is_function(tool) else None
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        return compact_json(tool) + "\n"
    schema = function.get("parameters")
    schema = schema if isinstance(schema, Mapping) else {}
    argument = _type(schema, -1)
    lines = _comment(function.get("description"), "")
    lines.append(f"type {function['name']} = ({'' if argument in _NOTHING else f'_: {argument}'}) => any;")
    lines.extend(compact_json(schema[key]) for key in _DEFINITIONS if key in schema)
    return "\n".join([*lines, ""])


def _is_function(tool: Mapping[str, Any]) -> bool:
    """Say whether a tool is a function; on responses one of another kind has a name beside its `type` too."""
    return tool.get("type", "function") == "function" or "function" in tool


def _comment(text: Any, indent: str) -> list[str]:
    """Render a description above what it describes."""
    return [f"{indent}// {line}" for line in text.split("\n")] if isinstance(text, str) and text else []


def _object(schema: Mapping[str, Any], depth: int) -> str:
    """Render an object type with its properties."""
    properties, others = schema.get("properties"), schema.get("additionalProperties")
    lines = [compact_json(others)] if isinstance(others, Mapping) else []
    if isinstance(properties, Mapping):
        lines.extend(_properties(properties, _names(schema.get("required")), depth))
    return "\n".join(["{", *lines, "}"]) if lines else "object"


def _properties(properties: Mapping[str, Any], required: frozenset[str], depth: int) -> Iterator[str]:
    """Render each property with its description and default."""
    indent = "  " if depth else ""  # a run of spaces is one token, however long
    for name, schema in properties.items():
        if isinstance(schema, Mapping):
            yield from _comment(schema.get("description"), indent)
            default = f" // default: {compact_json(schema['default'])}" if "default" in schema else ""
        else:
            default = ""
        yield f"{indent}{name}{'' if name in required else '?'}: {_type(schema, depth)},{default}"


def _names(value: Any) -> frozenset[str]:
    """Give the names in a `required` list."""
    return frozenset(name for name in _list(value) if isinstance(name, str))


def _type(schema: Any, depth: int) -> str:
    """Render any schema as a type."""
    if depth > SCHEMA_DEPTH_AT_MOST:
        raise NotRendered
    if not isinstance(schema, Mapping):
        return "any" if schema is True else compact_json(schema)
    if isinstance(values := schema.get("enum"), list):
        return " | ".join(compact_json(value) for value in values)
    if "const" in schema:
        return compact_json(schema["const"])
    branches = [branch for word in _BRANCHES for branch in _list(schema.get(word))]
    own = [_named(schema, depth)] if "properties" in schema or not branches else []
    return " | ".join([*own, *(_type(branch, depth + 1) for branch in branches)])


def _list(value: Any) -> list[Any]:
    """Give a list as it is, anything else as none."""
    return value if isinstance(value, list) else []


def _named(schema: Mapping[str, Any], depth: int) -> str:
    """Render a schema by its `type`; a list of types is a union, none is `any`, a `$ref` its own text."""
    kinds = schema.get("type", "object" if "properties" in schema else None)
    kinds = [kind for kind in (kinds if isinstance(kinds, list) else [kinds]) if isinstance(kind, str)]
    if kinds:
        return " | ".join(_kind(schema, kind, depth) for kind in dict.fromkeys(kinds))
    return schema["$ref"] if isinstance(schema.get("$ref"), str) else "any"


def _kind(schema: Mapping[str, Any], kind: str, depth: int) -> str:
    """Render one of a schema's types: `items` belongs to arrays only and `properties` to objects only."""
    if kind == "array":
        return f"{_type(schema['items'], depth + 1)}[]" if "items" in schema else "any[]"
    return _object(schema, depth + 1) if kind == "object" else _PLAIN.get(kind, kind)


def walk(root: Any) -> Iterator[str | int]:
    """Give each key and value of any JSON as its own text, with its punctuation beside it; without recursion."""
    stack = [root]
    while stack:
        value = stack.pop()
        yield NODE_TOKENS
        if isinstance(value, Mapping):
            yield from value
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)
        elif isinstance(value, str):
            yield value
        elif isinstance(value, float):
            yield repr(value)
        elif isinstance(value, int):
            yield value.bit_length() // 3 + 1  # at least its digits, without printing it
