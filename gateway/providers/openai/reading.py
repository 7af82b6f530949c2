"""A client's request in OpenAI's wire format, understood: the Call that everything after it works with.

The rule that matters: each field that metering relies on is checked here, exactly, and a wrong one is a 400 that names
it; all other fields pass as they are. (https://platform.openai.com/docs/api-reference/chat/create and its siblings.)
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from gateway.errors import BadRequest
from gateway.model import Call, Endpoint, Media, Request
from gateway.providers.decoding import decode
from gateway.providers.fields import bounded, invalid, missing, optional, required, unsupported, wrong_type
from gateway.providers.headers import forward_headers
from gateway.providers.names import BOUND_FIELDS, searches_by_itself
from gateway.providers.openai.parts import TEXT_PARTS, is_document_elsewhere, media_of
from gateway.providers.openai.refusals import CHAT, ROUNDS, has_hosted, refuse, tools_in

DEFAULT_COMPLETION_TOKENS = 16
"""What `/completions` produces when `max_tokens` is absent (API reference, legacy completions)."""

_MODEL = re.compile(r"[A-Za-z0-9._:@/-]{1,200}")
_MOST_TOKENS = 2**31 - 1
_MOST_CHOICES = 128
_TOOL_ROLES = frozenset({"tool", "function"})
_OWN_TOOLS = frozenset({"function", "custom"})
_UNSEEN = frozenset(
    (
        "previous_response_id",
        "conversation",
        "web_search_options",  # OpenAI, Perplexity
        "search_parameters",  # xAI
        "enable_search",  # Qwen
        "plugins",  # OpenRouter
        "data_sources",  # Azure
    )
)
"""Fields that add to the prompt what only the provider knows; its report of the usage has it."""


class _Shape(msgspec.Struct, frozen=True, gc=False):
    """What an endpoint's own fields say: the bound per choice, how many prompts, the parts that are not text."""

    output_bound: int | None
    prompts: int = 1
    media: tuple[Media, ...] = ()
    has_unseen: bool = False
    is_tool_turn: bool = False


def read(request: Request) -> Call:
    """Decode and understand a request: check the body's fields and make the Call of it.

    A model in the path (Azure's deployments) wins over the body's, the session of a header over the body's
    `prompt_cache_key`; of the headers only those that may go upstream are kept. `output_bound` is the larger of the two
    token limits. Raises BadRequest naming the field.
    """
    body = decode(request.body)
    model = read_model(body, request.params)
    refuse(body, CHAT)
    is_hosted = "tools" in body and has_hosted(tools_in(body), _OWN_TOOLS)
    stream = optional(body, "stream", bool) or False
    shape = _shape(request.endpoint, body, stream=stream)
    cache_key = optional(body, "prompt_cache_key", str)
    return Call(
        id=request.call_id,
        endpoint=request.endpoint,
        body=body,
        body_bytes=len(request.body),
        model=model,
        stream=stream,
        wants_usage=_wants_usage(body, stream=stream),
        output_bound=shape.output_bound,
        choices=_choices(body) * shape.prompts * (ROUNDS if is_hosted else 1),
        media=shape.media,
        has_tools=bool(body.get("tools") or body.get("functions")),
        has_unseen=is_hosted or shape.has_unseen or _has_unseen(body, model),
        is_tool_turn=shape.is_tool_turn,
        service=optional(body, "service_tier", str),
        session=request.session or cache_key or None,
        purpose=read_purpose(body),
        user=optional(body, "user", str),
        headers=forward_headers(request.headers),
    )


def read_purpose(body: Mapping[str, Any]) -> object:
    """Give the purpose that a body's metadata name, whatever its type: the purposes refuse what is none of them."""
    metadata = optional(body, "metadata", dict)
    return metadata.get("purpose") if metadata else None


def read_model(body: Mapping[str, Any], params: Mapping[str, str] = MappingProxyType({})) -> str:
    """Give the model that the path names (`params`), else the body. Raises BadRequest."""
    model = required(params if "model" in params else body, "model", str)
    if not _MODEL.fullmatch(model):
        raise invalid("model", "it is no model name")
    return model


def _wants_usage(body: Mapping[str, Any], *, stream: bool) -> bool:
    options = optional(body, "stream_options", dict)
    if options is None:
        return False
    if not stream:
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise BadRequest(message, code="invalid_value", param="stream_options")
    return optional(options, "include_usage", bool, at="stream_options.") or False


def _choices(body: Mapping[str, Any]) -> int:
    number = bounded(body, "n", low=1, high=_MOST_CHOICES) or 1
    return max(number, bounded(body, "best_of", low=1, high=_MOST_CHOICES) or 1)


def _output_bound(body: Mapping[str, Any]) -> int | None:
    largest = 0
    for name in BOUND_FIELDS:
        largest = max(largest, bounded(body, name, low=1, high=_MOST_TOKENS) or 0)
    return largest or None


def _shape(endpoint: Endpoint, body: Mapping[str, Any], *, stream: bool) -> _Shape:
    match endpoint:
        case Endpoint.CHAT:
            messages = required(body, "messages", list)
            media, has_unseen = _contents(messages)
            is_tool_turn = messages[-1]["role"] in _TOOL_ROLES
            return _Shape(_output_bound(body), media=media, has_unseen=has_unseen, is_tool_turn=is_tool_turn)
        case Endpoint.COMPLETIONS:
            return _Shape(_output_bound(body) or DEFAULT_COMPLETION_TOKENS, prompts=_inputs(body, "prompt"))
        case _:
            if stream:
                raise unsupported("stream", "embeddings are not streamed")
            _inputs(body, "input")
            return _Shape(0)


def _inputs(body: Mapping[str, Any], name: str) -> int:
    """Count the prompts of a field that is a string, strings, token ids, or lists of token ids."""
    value = body.get(name)
    if value is None:
        raise missing(name)
    if type(value) is not str and type(value) is not list:
        raise wrong_type(name, "a string or an array", value)
    if not value:
        raise invalid(name, "it must not be empty")
    if type(value) is str or _are(value, int):
        return 1
    if _are(value, str) or (_are(value, list) and all(_are(ids, int) for ids in value)):
        return len(value)
    raise invalid(name, "an array holds strings, token ids, or arrays of token ids, and none is empty")


def _are(values: Any, kind: type) -> bool:
    return set(map(type, values)) == {kind}


def _has_unseen(body: Mapping[str, Any], model: str) -> bool:
    asked = any(body[name] is not None and body[name] is not False for name in _UNSEEN.intersection(body))
    return asked or type(body.get("prompt")) is dict or searches_by_itself(model)


def _contents(messages: list[Any]) -> tuple[tuple[Media, ...], bool]:
    """Check the messages; give their parts that are not text, and whether some are only with the provider.

    A message may stand for an earlier spoken answer (`audio: {"id": ...}`). Raises BadRequest.
    """
    media: list[Media] = []
    has_unseen = False
    for place, message in enumerate(messages):
        if type(message) is not dict:
            raise wrong_type(f"messages[{place}]", "an object", message)
        required(message, "role", str, at=f"messages[{place}].")
        has_unseen |= message.get("audio") is not None
        if type(message.get("content")) is str:
            continue
        for part in read_parts(message, at=f"messages[{place}]"):
            if is_document_elsewhere(part):
                has_unseen = True
            elif part.get("type") not in TEXT_PARTS:
                media.append(media_of(part))
    return tuple(media), has_unseen


def read_parts(message: Mapping[str, Any], *, at: str) -> list[dict[str, Any]]:
    """Give the parts of a message's content, checked; none where it is a string, or absent. Raises BadRequest."""
    content = message.get("content")
    if content is None or type(content) is str:
        return []
    if type(content) is not list:
        raise wrong_type(f"{at}.content", "a string or an array", content)
    for index, part in enumerate(content):
        where = f"{at}.content[{index}]"
        if type(part) is not dict:
            raise wrong_type(where, "an object", part)
        optional(part, "type", str, at=f"{where}.")
        optional(part, "text", str, at=f"{where}.")
    return content
