"""What of an OpenAI-shaped request becomes prompt tokens: texts to count, and tokens that stand around them. Pure.

The one rule: a body is a stranger's. Any JSON gives an answer, nothing raises, nothing recurses without bound; what
cannot be taken apart gives `complete=False`, and the caller stays with the byte bound.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.model import Endpoint
from gateway.tokens.constants import (
    MESSAGE_TOKENS,
    NAME_TOKENS,
    NODE_TOKENS,
    PARALLEL_CALLS_TOKENS,
    REPLY_TOKENS,
    ROLE_TOKENS,
    ROLES,
    TOOL_CALL_TOKENS,
    TOOLS_AFTER_SYSTEM_TOKENS,
    TOOLS_TOKENS,
)
from gateway.tokens.schema import NotRendered, compact_json, namespace


@dataclass(frozen=True, slots=True)
class Parts:
    """A prompt taken apart: texts, tokens around them, and how many tokens came as ids already."""

    texts: tuple[str, ...]
    overhead_tokens: int
    ids: int
    complete: bool = True


def prompt_parts(endpoint: Endpoint, body: Mapping[str, Any]) -> Parts:
    """Take apart what OpenAI counts, by its own formula (constants.py); media are counted elsewhere."""
    try:
        if endpoint is Endpoint.CHAT:
            return _collected(_chat(body), 0)
        return _inputs(endpoint, body) if endpoint in _FIELD else _collected(_walk(body), 0)
    except NotRendered:
        return Parts((), 0, 0, complete=False)


def json_parts(endpoint: Endpoint, body: Mapping[str, Any]) -> Parts:
    """Take apart the whole body as if it were sent to the model as JSON: for servers whose chat template is unknown.

    `body` holds no bytes of media.
    """
    if endpoint not in _FIELD:
        return _collected(_walk(body), 0)
    inputs = _inputs(endpoint, body)
    return _collected((*inputs.texts, inputs.overhead_tokens, *_walk({**body, _FIELD[endpoint]: None})), inputs.ids)


_FIELD = {Endpoint.COMPLETIONS: "prompt", Endpoint.EMBEDDINGS: "input"}


def _collected(parts: Iterable[str | int], ids: int) -> Parts:
    """Sort texts from tokens."""
    texts: list[str] = []
    overhead_tokens = 0
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
        else:
            overhead_tokens += part
    return Parts(tuple(texts), overhead_tokens, ids)


# ---------------------------------------------------------------- completions, embeddings


def _inputs(endpoint: Endpoint, body: Mapping[str, Any]) -> Parts:
    """Take apart a text, texts, token ids or lists of token ids; no prompt at all is one special token."""
    value = body.get(_FIELD[endpoint])
    empty = 1 if value is None and endpoint is Endpoint.COMPLETIONS else 0
    return _collected((*_strings(value), *_strings(body.get("suffix")), empty), _ids(value))


def _strings(value: Any) -> Iterator[str]:
    """Give a string, or the strings of a list."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, str))


def _ids(value: Any) -> int:
    """Count the token ids in a list, or in a list of lists."""
    if not isinstance(value, list):
        return 0
    return sum(len(item) if isinstance(item, list) else isinstance(item, int) for item in value)


# ---------------------------------------------------------------- chat, by OpenAI's formula


def _chat(body: Mapping[str, Any]) -> Iterator[str | int]:
    """Sum a chat: priming, messages, tool definitions, the schema of the answer, the predicted output."""
    yield REPLY_TOKENS
    for message in _messages(body):
        yield from _message(message)
    yield from _tools(body)
    answer = body.get("response_format")
    if isinstance(answer, Mapping) and answer.get("type") == "json_schema":
        yield compact_json(answer)
    prediction = body.get("prediction")
    if isinstance(prediction, Mapping):
        yield from _content(prediction.get("content"))


def _messages(body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Give the messages that are objects."""
    messages = body.get("messages")
    if isinstance(messages, list):
        yield from (message for message in messages if isinstance(message, Mapping))


def _message(message: Mapping[str, Any]) -> Iterator[str | int]:
    """Sum one message."""
    role, name = message.get("role"), message.get("name")
    yield MESSAGE_TOKENS
    yield ROLE_TOKENS if isinstance(role, str) and role in ROLES else _text(role)
    yield from _content(message.get("content"))
    yield _text(message.get("refusal"))
    if name is not None:
        yield NAME_TOKENS
        yield _text(name)
    yield from _calls(message)


def _content(content: Any) -> Iterator[str]:
    """Give a string, or the text and refusal parts of a list; others are media."""
    if isinstance(content, list):
        for part in content:
            if isinstance(part, Mapping):
                yield from (part[key] for key in ("text", "refusal") if isinstance(part.get(key), str))
    yield from _strings(content)


def _calls(message: Mapping[str, Any]) -> Iterator[str | int]:
    """Sum the tool calls that an assistant made earlier."""
    calls = message.get("tool_calls")
    calls = calls if isinstance(calls, list) else []
    for call in calls:
        if isinstance(call, Mapping):
            yield from _call(call.get("function") or call.get("custom"))
    if len(calls) > 1:
        yield PARALLEL_CALLS_TOKENS
    if message.get("function_call"):
        yield from _call(message["function_call"])


def _call(function: Any) -> Iterator[str | int]:
    """Sum one call: the function's name and its arguments (a custom tool's input)."""
    yield TOOL_CALL_TOKENS
    if isinstance(function, Mapping):
        yield from (_text(function.get(key)) for key in ("name", "arguments", "input"))


def _tools(body: Mapping[str, Any]) -> Iterator[str | int]:
    """Sum the definitions of tools, or of the functions that came before them."""
    both = (body.get("tools"), body.get("functions"))
    tools = [tool for given in both if isinstance(given, list) for tool in given]
    if tools:
        yield namespace(tools)
        yield TOOLS_TOKENS
        if any(message.get("role") == "system" for message in _messages(body)):
            yield TOOLS_AFTER_SYSTEM_TOKENS


def _text(value: Any) -> str:
    """Give a string as it is, nothing as nothing, and anything else as JSON."""
    return value if isinstance(value, str) else "" if value is None else compact_json(value)


# ---------------------------------------------------------------- any body, as JSON


def _walk(root: Any) -> Iterator[str | int]:
    """Give each key and value as its own text, with the punctuation of JSON beside it; without recursion."""
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
