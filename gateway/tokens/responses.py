"""The same formula for OpenAI's responses: instructions, the items of the input, tools, the schema of the answer. Pure.

The one rule: an item of a kind that nobody knows counts as JSON, and what the provider sealed counts by its length.
(https://platform.openai.com/docs/api-reference/responses/create)
"""

from collections.abc import Iterator, Mapping
from typing import Any

from gateway.tokens import chat
from gateway.tokens.constants import MESSAGE_TOKENS, REPLY_TOKENS, ROLE_TOKENS, SEALED_CHARACTERS_PER_TOKEN
from gateway.tokens.schema import compact_json, walk

_AROUND_TOKENS = MESSAGE_TOKENS + ROLE_TOKENS
_CALLS = frozenset({"function_call", "custom_tool_call"})
_OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})
_SEALED = frozenset({"reasoning", "compaction"})
# What an item has beside what the model reads.
_NOT_READ = frozenset({"id", "type", "status", "encrypted_content"})


def prompt(body: Mapping[str, Any]) -> Iterator[str | int]:
    """Sum what a response is made of."""
    yield REPLY_TOKENS
    instructions, given = body.get("instructions"), body.get("input")
    if instructions is not None:
        yield _AROUND_TOKENS
        yield chat.text(instructions)
    for item in given if isinstance(given, list) else () if given is None else (given,):
        yield from _item(item)
    tools = body.get("tools")
    yield from chat.tools(tools if isinstance(tools, list) else [], has_system=bool(instructions))
    wanted = body.get("text")
    answer = wanted.get("format") if isinstance(wanted, Mapping) else None
    if isinstance(answer, Mapping) and answer.get("type") == "json_schema":
        yield compact_json(answer)


def _item(item: Any) -> Iterator[str | int]:
    """Sum one item; each is a message of its own."""
    if not isinstance(item, Mapping):
        yield _AROUND_TOKENS
        yield chat.text(item)
        return
    kind = item.get("type")
    kind = kind if isinstance(kind, str) else "message" if "role" in item else ""
    if kind == "message":
        yield from chat.message(item)
        return
    yield _AROUND_TOKENS
    if kind in _CALLS:
        yield from chat.call(item)
    elif kind in _OUTPUTS:
        yield from _output(item.get("output"))
    elif kind in _SEALED:
        yield from _sealed(item)
    else:
        yield from walk(item)


def _output(value: Any) -> Iterator[str | int]:
    """Sum a tool's result: a text, or parts of which the texts count."""
    if isinstance(value, list):
        yield from chat.content(value)
    else:
        yield chat.text(value)


def _sealed(item: Mapping[str, Any]) -> Iterator[str | int]:
    """Sum thoughts that are sent back: the open ones as they are, the sealed ones by their length."""
    sealed = item.get("encrypted_content")
    if isinstance(sealed, str):
        yield -(-len(sealed) // SEALED_CHARACTERS_PER_TOKEN)
    yield from walk({name: value for name, value in item.items() if name not in _NOT_READ})
