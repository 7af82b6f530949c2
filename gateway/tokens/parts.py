"""What of a request becomes prompt tokens: texts to count, and tokens that stand around them. Pure.

The one rule: a body is a stranger's. Any JSON gives an answer, nothing raises, nothing recurses without bound; what
cannot be taken apart gives `complete=False`, and the caller stays with the byte bound.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from gateway.model import Endpoint
from gateway.tokens import chat, responses
from gateway.tokens.constants import INSTRUCTIONS_SLACK_TOKENS, NODE_TOKENS
from gateway.tokens.schema import NotRendered, walk


class Parts(msgspec.Struct, frozen=True, gc=False):
    """A prompt taken apart: texts, tokens around them, how many tokens came as ids already.

    `slack_tokens` may stand there too, unseen.
    """

    texts: tuple[str, ...]
    overhead_tokens: int
    ids: int
    complete: bool = True
    slack_tokens: int = 0


_FIELD = {Endpoint.COMPLETIONS: "prompt", Endpoint.EMBEDDINGS: "input"}
_RESPONSES = (Endpoint.RESPONSES, Endpoint.RESPONSES_COMPACT)
_BLOCKS = frozenset({"tools", "functions", "toolConfig"})
# What an encoder may say of a decoded value: too deep, a number of more than 64 bits, half a surrogate pair.
_NOT_ENCODED = (RecursionError, OverflowError, ValueError, TypeError, msgspec.MsgspecError)


def prompt_parts(endpoint: Endpoint, body: Mapping[str, Any]) -> Parts:
    """Take apart what OpenAI counts, by its own formula (constants.py); media are counted elsewhere."""
    try:
        if endpoint is Endpoint.CHAT:
            return _collected(chat.prompt(body))
        if endpoint in _RESPONSES:
            slack_tokens = INSTRUCTIONS_SLACK_TOKENS if isinstance(body.get("instructions"), str) else 0
            return _collected(responses.prompt(body), slack_tokens=slack_tokens)
        return _inputs(endpoint, body) if endpoint in _FIELD else json_parts(endpoint, body)
    except NotRendered:
        return Parts((), 0, 0, complete=False)


def json_parts(endpoint: Endpoint, body: Mapping[str, Any]) -> Parts:
    """Take apart the whole body as if it were sent to the model as JSON: for servers whose chat template is unknown.

    `body` holds no bytes of media.
    """
    if endpoint in _FIELD:
        inputs = _inputs(endpoint, body)
        return _collected(
            (*inputs.texts, inputs.overhead_tokens, *_whole({**body, _FIELD[endpoint]: None})), inputs.ids
        )
    return _collected(_whole(body))


def _collected(parts: Iterable[str | int], ids: int = 0, *, slack_tokens: int = 0) -> Parts:
    """Sort texts from tokens."""
    texts: list[str] = []
    overhead_tokens = 0
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
        else:
            overhead_tokens += part
    return Parts(tuple(texts), overhead_tokens, ids, slack_tokens=slack_tokens)


# ---------------------------------------------------------------- completions, embeddings


def _inputs(endpoint: Endpoint, body: Mapping[str, Any]) -> Parts:
    """Take apart a text, texts, token ids or lists of token ids; no prompt at all is one special token."""
    value = body.get(_FIELD[endpoint])
    empty = 1 if value is None and endpoint is Endpoint.COMPLETIONS else 0
    return _collected((*chat.strings(value), *chat.strings(body.get("suffix")), empty), _ids(value))


def _ids(value: Any) -> int:
    """Count the token ids in a list, or in a list of lists."""
    if not isinstance(value, list):
        return 0
    return sum(len(item) if isinstance(item, list) else isinstance(item, int) for item in value)


# ---------------------------------------------------------------- any body, as JSON


def _whole(body: Mapping[str, Any]) -> Iterator[str | int]:
    """Give each key and value as its own text, but tool definitions as one: callers repeat them, call after call."""
    yield NODE_TOKENS
    for name, value in body.items():
        yield name
        block = _block(value) if name in _BLOCKS and value else None
        if block is None:
            yield from walk(value)
        else:
            yield NODE_TOKENS
            yield block


def _block(value: Any) -> str | None:
    """Write a value as compact JSON, in one go; None where that is not to be had."""
    try:
        return msgspec.json.encode(value).decode()
    except _NOT_ENCODED:
        return None
