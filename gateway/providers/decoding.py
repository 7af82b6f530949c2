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

MAX_WEIGHT = 1_000_000
"""What a body may ask of the decoder, which holds the interpreter, and with it every other call, until it is through.

In numbers: one is decoded in up to 50 ns, so this takes some 50 ms. 25,000 messages of a word weigh 775,000."""

COMMA_WEIGHT = 1
"""A comma stands for the value before it: a number, `true`."""

CONTAINER_WEIGHT = 5
STRING_WEIGHT = 6
"""A key weighs as much as any other text."""

EXPONENT_WEIGHT = 300
"""`9e304` takes 200 times as long as 9, and more beside other work: what is near the middle of two doubles is worked
out exactly."""

LONG_DIGITS = 20
LONG_WEIGHT = 16
"""Of so many digits in a number, a point among them or not: integers beyond 64 bits, doubles in full length."""

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding bytes that are no JSON raises."""

_CONTAINERS = (dict, list)
_EXPONENT_BYTES = 3  # `9e9`: of all that a body is made of, it weighs most for its length
_BITE_BYTES = 1 << 20
_DIGITS_ALIKE = bytes.maketrans(b"123456789", b"0" * 9)
_LONG = b"0" * LONG_DIGITS


def decode(body: bytes) -> dict[str, Any]:
    """Decode a request body: a JSON object in UTF-8 without a byte-order mark, at most `MAX_DEPTH` deep.

    Integers keep their value whatever their size. Raises BadRequest.
    """
    if weight(body) > MAX_WEIGHT:
        raise _too_heavy()
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
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH and _is_too_deep(decoded):
        raise _too_deep()
    return decoded


def weight(body: bytes, most: int = MAX_WEIGHT, bite_bytes: int = _BITE_BYTES) -> int:
    """Tell what JSON asks of the decoder; 0 for what is too short to be over `most`, any number over it for the rest.

    Text weighs nothing but for its being one, however long. Of what is no JSON, all that the decoder gets to is
    weighed. By the bite where it would hold the interpreter itself.
    """
    if len(body) * EXPONENT_WEIGHT <= most * _EXPONENT_BYTES:
        return 0
    quotes, rest = 0, b""
    outside: list[bytes] = []
    for at in range(0, len(body), bite_bytes):
        bite = rest + body[at : at + bite_bytes]
        rest = b"\\" * ((len(bite) - len(bite.rstrip(b"\\"))) % 2)  # it escapes what the next bite begins with
        bite = bite.removesuffix(rest).replace(rb"\\", b"").replace(rb"\"", b"")
        in_text, quotes = quotes % 2, quotes + bite.count(b'"')
        if quotes // 2 * STRING_WEIGHT > most:
            return most + 1
        outside += bite.split(b'"')[in_text::2]
    weighed, structure = quotes // 2 * STRING_WEIGHT, b"".join(outside)
    weighed += structure.count(b",") * COMMA_WEIGHT
    weighed += (structure.count(b"[") + structure.count(b"{")) * CONTAINER_WEIGHT
    return weighed if weighed > most else weighed + _weight_of_numbers(structure)


def _weight_of_numbers(structure: bytes) -> int:
    """Weigh the numbers that take longer than others. The `e` of `true` comes after no digit."""
    digits = structure.translate(_DIGITS_ALIKE, b".")
    exponents = digits.count(b"0e") + digits.count(b"0E")
    return exponents * EXPONENT_WEIGHT + digits.count(_LONG) * LONG_WEIGHT


def _too_heavy() -> BadRequest:
    strings, containers = MAX_WEIGHT // STRING_WEIGHT, MAX_WEIGHT // CONTAINER_WEIGHT
    return BadRequest(
        f"The request body has too many values. At most {strings} strings (keys are some), or {containers} arrays and "
        f"objects, or {MAX_WEIGHT} numbers are read, or fewer of each; a number of {LONG_DIGITS} digits or with an "
        "exponent counts as many.",
        code="invalid_json",
    )


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
