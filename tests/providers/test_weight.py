"""What a body asks of the decoder is weighed before it is decoded, and weighed as a parser would."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.providers import decode
from gateway.providers.decoding import (
    COMMA_WEIGHT,
    CONTAINER_WEIGHT,
    EXPONENT_WEIGHT,
    LONG_DIGITS,
    LONG_WEIGHT,
    STRING_WEIGHT,
    weight,
)


class Number(str):
    """A number as it was written."""

    __slots__ = ()


class Pairs(list[tuple[str, Any]]):
    """An object's members, those too whose key comes again."""


def parsed(body: bytes) -> Any:
    """Read JSON and keep all that was written."""
    return json.loads(body, object_pairs_hook=Pairs, parse_int=Number, parse_float=Number)


def plain(value: Any) -> int:
    """Weigh what was parsed."""
    if isinstance(value, Number):
        mantissa, exponent, _ = value.lower().partition("e")
        blocks = len(mantissa.lstrip("-").replace(".", "")) // LONG_DIGITS
        return LONG_WEIGHT * blocks + EXPONENT_WEIGHT * bool(exponent)
    if isinstance(value, str):
        return STRING_WEIGHT
    if not isinstance(value, list):
        return 0
    own = CONTAINER_WEIGHT + COMMA_WEIGHT * max(0, len(value) - 1)
    if isinstance(value, Pairs):
        return own + sum(STRING_WEIGHT + plain(member) for _, member in value)
    return own + sum(map(plain, value))


TEXTS = st.text() | st.text('\\"/,:[]{}0123456789eEtf\n', max_size=20)
NUMBERS = (
    st.integers()
    | st.integers(10**18, 10**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([1e22, 9e304, 5e-324, 1 / 3, -1e-7])
)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXTS, inner, max_size=6),
    max_leaves=30,
)
BODIES = st.builds(
    lambda value, ascii_only, indent: json.dumps({"": value}, ensure_ascii=ascii_only, indent=indent).encode(),
    VALUES,
    st.booleans(),
    st.sampled_from([None, 1]),
)


@given(BODIES, st.integers(1, 50) | st.just(1 << 20))
def test_a_body_weighs_what_a_parser_finds_in_it(body: bytes, bite_bytes: int) -> None:
    """It is never over a bound that what was parsed is not over, and always over one that it is over; in any bites."""
    truly = plain(parsed(body))
    assert weight(body, truly, bite_bytes) <= truly
    assert weight(body, truly - 1, bite_bytes) > truly - 1


@given(BODIES, st.binary(max_size=60), st.integers(1, 50) | st.just(1 << 20))
def test_nothing_after_what_is_decoded_makes_it_lighter(body: bytes, tail: bytes, bite_bytes: int) -> None:
    """A body that is broken off by anything weighs no less than what the decoder has made until then."""
    least = plain(parsed(body)) - 1
    assert weight(body + tail, least, bite_bytes) > least


HEAVY = {
    "a million keys": b"{" + b",".join(b'"k%d":1' % number for number in range(1_000_000)) + b"}",
    "one key a million times": b'{"k":1' + b',"k":1' * 1_000_000 + b"}",
    "texts": b'{"x":[""' + b',""' * 150_000 + b"]}",
    "numbers": b'{"x":[0' + b",0" * 1_000_000 + b"]}",
    "arrays": b'{"x":[[]' + b",[]" * 200_000 + b"]}",
    "objects": b'{"x":[{}' + b",{}" * 200_000 + b"]}",
    "exponents": b'{"x":[0' + b",9e304" * 7_000 + b"]}",
    "long integers": b'{"x":[0' + (b"," + b"9" * 4_000) * 400 + b"]}",
    "long fractions": b'{"x":[0' + b",9007199254740993.0001" * 60_000 + b"]}",
    "no end": b'{"x":[0' + b",0" * 1_000_000,
    "quotes": b'"' * 1_000_000,
}


@pytest.mark.parametrize("body", HEAVY.values(), ids=list(HEAVY))
def test_too_many_values_are_refused_unread(body: bytes) -> None:
    """More than any call needs is 400 `invalid_json`, whatever it consists of, before anything is decoded."""
    with pytest.raises(BadRequest, match="has too many values") as refused:
        decode(body)
    assert refused.value.code == "invalid_json"


LAWYERLY = 'The party of the first part, "Buyer", and [the other], {"Seller"}, agree:\\\n1, 2, 3e5, '
LONG_CALLS: dict[str, dict[str, Any]] = {
    "prose": {"messages": [{"role": "user", "content": LAWYERLY * 60_000}]},
    "an image": {"messages": [{"role": "user", "content": "data:image/png;base64," + "iVBORw0K" * 1_250_000}]},
    "tokens": {"input": [[100_000 + number for number in range(3_000)] for _ in range(100)]},
    "messages": {"messages": [{"role": "user", "content": "Yes."}] * 25_000},
    "doubles": {"x": [number / 7 for number in range(50_000)]},
}


@pytest.mark.parametrize("call", LONG_CALLS.values(), ids=list(LONG_CALLS))
def test_long_calls_are_read(call: dict[str, Any]) -> None:
    """Megabytes of text with quotes and commas, images, tokens by the 100,000 and very many messages pass."""
    assert decode(json.dumps(call).encode()) == call
