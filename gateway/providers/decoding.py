"""JSON at the border: a client's body is decoded strictly, a provider's answer leniently.

The rule that matters: a client's body is read once, here, and only what was read is sent on, re-encoded. So a duplicate
key (the last wins), an escape or a byte-order mark cannot show the gateway one request and the provider another.
"""

import json
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from gateway.errors import BadRequest

T = TypeVar("T", bound=msgspec.Struct)

MAX_DEPTH = 100
"""Nested arrays and objects: messages take five levels, the JSON schema of a tool some more."""

MAX_CONTAINERS = 200_000
"""Brackets that may open in a body, in text too. A million tiny arrays would hold the interpreter for seconds, and with
it every other call; a megabyte of source code has some ten thousand."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding bytes that are no JSON raises."""

_CONTAINERS = (dict, list)


def decode(body: bytes) -> dict[str, Any]:
    """Decode a request body: a JSON object in UTF-8 without a byte-order mark, at most `MAX_DEPTH` deep.

    Integers keep their value whatever their size. Raises BadRequest.
    """
    opened = body.count(b"[") + body.count(b"{")
    if opened > MAX_CONTAINERS:
        raise BadRequest(f"The request body has over {MAX_CONTAINERS} arrays and objects.", code="invalid_json")
    try:
        decoded = msgspec.json.decode(body)
    except UnicodeDecodeError as exc:
        raise BadRequest("The request body is not valid UTF-8.", code="invalid_json") from exc
    except msgspec.DecodeError as exc:
        raise BadRequest(f"We could not parse the JSON body of your request: {exc}.", code="invalid_json") from exc
    except RecursionError as exc:
        raise _too_deep() from exc
    if type(decoded) is not dict:
        raise BadRequest("The request body must be a JSON object.", code="invalid_json")
    if opened > MAX_DEPTH and _is_too_deep(decoded):
        raise _too_deep()
    return decoded


def _too_deep() -> BadRequest:
    return BadRequest(f"The request body is nested deeper than {MAX_DEPTH} levels.", code="invalid_json")


def _is_too_deep(decoded: dict[str, Any]) -> bool:
    level: list[Any] = [decoded]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            for child in (parent.values() if type(parent) is dict else parent)
            if type(child) in _CONTAINERS
        ]
        if not level:
            return False
    return True


def json_text(value: Any) -> str:
    """Give a decoded value as the JSON a model wrote; a string as it is.

    The standard library's encoder: what the forgiving decoder lets in (a lone surrogate) has to come out as well.
    """
    return value if type(value) is str else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Envelope(msgspec.Struct, gc=False):
    """The four fields of an answer (or of a stream's chunk) that metering reads; whatever types they came with."""

    choices: Any = None
    usage: Any = None
    error: Any = None
    x_groq: Any = None


def opener(shape: type[T]) -> Callable[[bytes], T | None]:
    """Give what reads a provider's JSON object as a Struct whose fields are all optional; None for anything else.

    What msgspec refuses (a lone surrogate, bytes that are not UTF-8, NaN) is tried once more with the forgiving
    decoder: a provider's flaw must not become uncounted output.
    """
    decode_strictly = msgspec.json.Decoder(shape).decode

    def opened(data: bytes) -> T | None:
        try:
            return decode_strictly(data)
        except UNREADABLE:
            return _open_leniently(data, shape)

    return opened


def _open_leniently(data: bytes, shape: type[T]) -> T | None:
    try:
        decoded = json.loads(data.decode("utf-8-sig", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None
    if type(decoded) is not dict:
        return None
    return shape(**{name: decoded.get(name) for name in shape.__struct_fields__})


open_envelope = opener(Envelope)
"""Read an answer or a chunk in OpenAI's shape."""
