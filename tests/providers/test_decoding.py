"""A client's JSON is read strictly, a provider's leniently."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BadRequest
from gateway.model import Endpoint
from gateway.providers import FORMATS, decode
from gateway.providers.decoding import MAX_DEPTH, Envelope, open_envelope
from tests.providers.minimal import call_for

OBJECT = '{"model":"m"}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b'{"a":1}x',
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":NaN}',
        b'{"a":1e400}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\x00"}',
        b"\xef\xbb\xbf" + OBJECT.encode(),
        OBJECT.encode("utf-16"),
        OBJECT.encode("utf-16-le"),
        OBJECT.encode("utf-32"),
        b"[]",
        b'"a"',
        b"1",
        b"null",
        b"[" * 20_000,
        b'{"a":' * 20_000,
        b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}",
        b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
        b'{"a":' + b"9" * 5_000 + b"}",
        b"\x1f\x8b\x08\x00",
    ],
)
def test_what_is_no_object_is_refused(body: bytes) -> None:
    """Broken JSON, other encodings, other values and deep nesting are a 400."""
    with pytest.raises(BadRequest) as refused:
        decode(body)
    assert (refused.value.status, refused.value.code) == (400, "invalid_json")


@pytest.mark.parametrize(
    ("body", "decoded"),
    [
        (b'{"model":"cheap","model":"dear"}', {"model": "dear"}),
        (b'{"mod\\u0065l":"m"}', {"model": "m"}),
        (b' {"a" : "\\ud83d\\ude00"}\n', {"a": "\U0001f600"}),
        (b'{"a":123456789012345678901234567890}', {"a": 123456789012345678901234567890}),
        (b'{"a":"%s"}' % (b"A" * 1_000_000), {"a": "A" * 1_000_000}),
    ],
)
def test_what_is_read(body: bytes, decoded: dict[str, Any]) -> None:
    """The last of two keys wins, escapes are resolved, integers keep their value, long strings pass."""
    assert decode(body) == decoded


def test_wide_is_not_deep() -> None:
    """A hundred levels and very many values are fine."""
    deepest = b'{"a":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}"
    assert decode(deepest)
    assert len(decode(json.dumps({"a": [[1], {"b": 2}] * 5_000}).encode())["a"]) == 10_000


@given(st.binary(max_size=200))
def test_noise_is_refused_or_read(body: bytes) -> None:
    """Any bytes are an object or a 400."""
    try:
        assert type(decode(body)) is dict
    except BadRequest as refused:
        assert refused.code == "invalid_json"  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    ("data", "choices"),
    [
        (b'{"choices":[1]}', [1]),
        (b'{"id":"\xff","choices":[1]}', [1]),
        (b'{"choices":["\xff"]}', ["\ufffd"]),
        (b'{"choices":["\\ud800"]}', ["\ud800"]),
        (b'{"x":NaN,"choices":[1]}', [1]),
        (b"\xef\xbb\xbf" + b'{"choices":[1]}', [1]),
    ],
)
def test_a_providers_flaws_are_forgiven(data: bytes, choices: list[Any]) -> None:
    """Bytes that are not UTF-8, half characters, NaN and a byte-order mark hide no answer."""
    envelope = open_envelope(data)
    assert isinstance(envelope, Envelope)
    assert envelope.choices == choices


@pytest.mark.parametrize("data", [b"", b"[1]", b"null", b"<html>", b'{"choices":[', b"[" * 20_000, b'{"a":' * 20_000])
def test_what_is_no_answer(data: bytes) -> None:
    """What holds no JSON object is None, and nothing is raised."""
    assert open_envelope(data) is None


@pytest.mark.parametrize(
    ("endpoint", "answer"),
    [
        (Endpoint.CHAT, '{"choices":[{"message":{"tool_calls":[{"function":{"name":"f","arguments":%s}}]}}]}'),
        (Endpoint.MESSAGES, '{"content":[{"type":"tool_use","name":"f","input":%s}]}'),
        (Endpoint.OLLAMA_CHAT, '{"message":{"tool_calls":[{"function":{"name":"f","arguments":%s}}]},"done":true}'),
        (Endpoint.CONVERSE, '{"output":{"message":{"content":[{"toolUse":{"name":"f","input":%s}}]}}}'),
        (Endpoint.GENERATE_CONTENT, '{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":%s}}]}}]}'),
    ],
)
def test_arguments_with_half_a_character_are_text(endpoint: Endpoint, answer: str) -> None:
    """What the forgiving decoder lets in is counted in every language; nothing raises where a call is settled."""
    body = (answer % '{"a":"\\ud800"}').encode()
    texts = FORMATS[endpoint].answer_texts(call_for(endpoint), body)
    assert '"a":"\ud800"' in "".join(texts)
