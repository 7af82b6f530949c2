"""A client's request in OpenAI's wire format, understood: the Call that everything after it works with.

The rule that matters: each field that metering relies on is checked here, exactly, and a wrong one is a 400 that names
it; all other fields pass as they are. (https://platform.openai.com/docs/api-reference/chat/create and its siblings.)
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gateway.errors import BadRequest
from gateway.model import Call, Endpoint
from gateway.providers.decoding import decode
from gateway.providers.fields import bounded, invalid, missing, optional, required, unsupported, wrong_type
from gateway.providers.headers import forward_headers
from gateway.providers.names import BOUND_FIELDS
from gateway.providers.refusals import refuse_stored, refuse_stored_audio, refuse_unbounded

DEFAULT_COMPLETION_TOKENS = 16
"""What `/completions` produces when `max_tokens` is absent (API reference, legacy completions)."""

_MODEL = re.compile(r"[A-Za-z0-9._:@/-]{1,200}")
_MOST_TOKENS = 2**31 - 1
_MOST_CHOICES = 128
_TEXT_PARTS = frozenset({"text", "input_text", "output_text", "refusal", "thinking"})


@dataclass(frozen=True, slots=True)
class _Shape:
    """What an endpoint's own fields say: the bound per choice, how many prompts, how many parts that are not text."""

    output_bound: int | None
    prompts: int = 1
    media_parts: int = 0


def read(endpoint: Endpoint, body: bytes, *, call_id: str, session: str | None, headers: Mapping[str, str]) -> Call:
    """Decode and understand a request body in one go. Raises BadRequest."""
    decoded = decode(body)
    return understand(endpoint, decoded, body_bytes=len(body), call_id=call_id, session=session, headers=headers)


def understand(
    endpoint: Endpoint,
    decoded: Mapping[str, Any],
    *,
    body_bytes: int,
    call_id: str,
    session: str | None,
    headers: Mapping[str, str],
) -> Call:
    """Check a decoded body and make the Call of it.

    `session` (from a header) wins over the body's `prompt_cache_key`; of `headers` only those that may go upstream are
    kept. `output_bound` is the larger of the two token limits. Raises BadRequest naming the field.
    """
    model = _model(decoded)
    refuse_unbounded(decoded, model)
    stream = optional(decoded, "stream", bool) or False
    shape = _shape(endpoint, decoded, stream=stream)
    optional(decoded, "metadata", dict)
    optional(decoded, "user", str)
    cache_key = optional(decoded, "prompt_cache_key", str)
    return Call(
        id=call_id,
        endpoint=endpoint,
        body=decoded,
        body_bytes=body_bytes,
        model=model,
        stream=stream,
        wants_usage=_wants_usage(decoded, stream=stream),
        output_bound=shape.output_bound,
        choices=_choices(decoded) * shape.prompts,
        media_parts=shape.media_parts,
        session=session or cache_key or None,
        headers=forward_headers(headers),
    )


def _model(body: Mapping[str, Any]) -> str:
    model = required(body, "model", str)
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
    asked = (bounded(body, name, low=1, high=_MOST_CHOICES) for name in ("n", "best_of"))
    return max(number or 1 for number in asked)


def _output_bound(body: Mapping[str, Any]) -> int | None:
    named = (bounded(body, name, low=1, high=_MOST_TOKENS) for name in BOUND_FIELDS)
    return max((number for number in named if number is not None), default=None)


def _shape(endpoint: Endpoint, body: Mapping[str, Any], *, stream: bool) -> _Shape:
    match endpoint:
        case Endpoint.CHAT:
            return _Shape(_output_bound(body), media_parts=_media_parts(required(body, "messages", list)))
        case Endpoint.COMPLETIONS:
            return _Shape(_output_bound(body) or DEFAULT_COMPLETION_TOKENS, prompts=_inputs(body, "prompt"))
        case Endpoint.EMBEDDINGS:
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


def _media_parts(messages: list[Any]) -> int:
    """Check the messages and count their parts that are not text. Raises BadRequest."""
    media = 0
    for place, message in enumerate(messages):
        at = f"messages[{place}]"
        if type(message) is not dict:
            raise wrong_type(at, "an object", message)
        required(message, "role", str, at=f"{at}.")
        refuse_stored_audio(message, f"{at}.")
        content = message.get("content")
        if type(content) is list:
            media += sum(not _is_text(part, f"{at}.content[{index}]") for index, part in enumerate(content))
        elif content is not None and type(content) is not str:
            raise wrong_type(f"{at}.content", "a string or an array", content)
    return media


def _is_text(part: Any, at: str) -> bool:
    if type(part) is not dict:
        raise wrong_type(at, "an object", part)
    refuse_stored(part, at)
    kind = optional(part, "type", str, at=f"{at}.")
    optional(part, "text", str, at=f"{at}.")
    return kind in _TEXT_PARTS
