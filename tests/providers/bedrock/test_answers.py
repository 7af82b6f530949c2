"""What Bedrock answers: usage, texts and streams, of every documented shape and of none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import (
    BadRequest,
    BudgetRefused,
    Forbidden,
    GatewayError,
    ModelNotFound,
    StoreUnavailable,
    Unauthenticated,
    UpstreamBroken,
    UpstreamSilent,
)
from gateway.model import Usage
from gateway.providers.bedrock import converse
from gateway.providers.bedrock.endings import error_body, error_headers
from tests.provider.eventstream import read_all, write
from tests.providers.bedrock.calls import ask
from tests.providers.shapes import Shape
from tests.providers.shapes.bedrock import SHAPES

WHOLE = [shape for shape in SHAPES if not shape.stream]
STREAMS = [shape for shape in SHAPES if shape.stream]
NAMED = {"ids": lambda shape: shape.name}


def event(kind: str, value: Any) -> bytes:
    """Make one event of a stream."""
    return write({":message-type": "event", ":event-type": kind}, json.dumps(value).encode())


def delta(value: Any, index: int = 0) -> bytes:
    """Make an event that says something."""
    return event("contentBlockDelta", {"contentBlockIndex": index, "delta": value, "p": "abcd"})


def refused(type_: str) -> BudgetRefused:
    """Make a budget's refusal."""
    return BudgetRefused("No.", type_=type_, code="budget_exceeded", budget={"name": "own"}, headers={})


@pytest.mark.parametrize("shape", WHOLE, **NAMED)
def test_a_documented_answer(shape: Shape) -> None:
    """The usage of each answer in one piece is what is documented."""
    assert converse.usage_of(ask(), shape.body) == shape.usage
    assert converse.answer_texts(ask(), shape.body)
    assert not converse.is_stream(shape.content_type)


@pytest.mark.parametrize("shape", STREAMS, **NAMED)
def test_a_documented_stream(shape: Shape) -> None:
    """Of each stream the usage is right, all bytes pass, and the event that ends it is held back."""
    meter = converse.meter(ask(stream=True))
    passed = meter.feed(shape.body) + meter.finish()
    assert meter.usage == shape.usage
    assert passed + meter.last == shape.body
    assert meter.ended == (shape.usage is not None)
    assert meter.error_seen == ("exception" in shape.name)
    assert meter.unread_tokens == 0
    assert converse.is_stream(shape.content_type)


@given(st.sampled_from(STREAMS), st.lists(st.integers(0, 1500), max_size=20))
def test_any_split_gives_the_same(shape: Shape, cuts: list[int]) -> None:
    """However the bytes are cut, usage, bytes and texts are the same."""
    places = sorted(min(place, len(shape.body)) for place in cuts)
    once, split = converse.meter(ask()), converse.meter(ask())
    passed = b"".join(
        split.feed(shape.body[start:end]) for start, end in zip([0, *places], [*places, len(shape.body)], strict=True)
    )
    assert passed + split.finish() == once.feed(shape.body) + once.finish()
    assert (split.usage, split.last, split.template) == (once.usage, once.last, once.template)
    assert split.bound_tokens == once.bound_tokens
    assert split.take_texts() == once.take_texts()


def test_texts_of_a_stream() -> None:
    """Whatever a model can say in is read, each field of a block as one text; what the provider adds is not."""
    meter = converse.meter(ask())
    meter.feed(delta({"reasoningContent": {"text": "Hm"}}) + delta({"reasoningContent": {"signature": "Eu" * 99}}))
    meter.feed(delta({"text": "He"}, 1) + delta({"text": "llo"}, 1) + delta({"citation": {"title": "x" * 99}}, 1))
    start = {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t", "name": "weather"}}}
    meter.feed(event("contentBlockStart", start) + delta({"toolUse": {"input": '{"city":'}}, 2))
    meter.feed(delta({"toolUse": {"input": '"Rome"}'}}, 2) + delta({"toolResult": [{"text": "x" * 99}]}, 3))
    texts = ["Hm", "Hello", "weather", '{"city":"Rome"}']
    assert meter.bound_tokens == sum(map(len, texts))
    assert meter.take_texts() == texts


def test_what_is_not_told_counts() -> None:
    """A redacted thought counts by its length; a delta that nobody knows is a token at least, a new event all text."""
    meter = converse.meter(ask())
    meter.feed(delta({"reasoningContent": {"redactedContent": "QUJD"}}) + delta({"image": {"source": {}}}))
    assert (meter.bound_tokens, meter.take_texts()) == (5, ["QUJD"])
    meter.feed(event("somethingNew", {"text": "Hello"}))
    assert "Hello" in meter.take_texts()[0]


def test_texts_of_an_answer() -> None:
    """The same is read in an answer in one piece."""
    content = [
        {"reasoningContent": {"reasoningText": {"text": "Hm", "signature": "Eu"}}},
        {"text": "Hello"},
        {"citationsContent": {"content": [{"text": "cited"}], "citations": [{"title": "x"}]}},
        {"toolUse": {"toolUseId": "t", "name": "weather", "input": {"city": "Rome"}}},
        {"toolResult": {"content": [{"text": "found"}]}},
    ]
    body = json.dumps({"output": {"message": {"role": "assistant", "content": content}}}).encode()
    assert converse.answer_texts(ask(), body) == ["Hm", "Hello", "cited", "weather", '{"city":"Rome"}']
    assert converse.usage_of(ask(), body) is None


@pytest.mark.parametrize(
    ("raw", "usage"),
    [
        ({"inputTokens": 9, "outputTokens": 4}, Usage(9, 4)),
        ({"inputTokens": 9, "outputTokens": 4, "cacheReadInputTokenCount": 5}, Usage(14, 4, cache_read_tokens=5)),
        (
            {"inputTokens": 9, "outputTokens": 4, "cacheWriteInputTokens": 5, "cacheDetails": [{"ttl": "1h"}, 3]},
            Usage(14, 4, cache_creation_tokens=5),
        ),
        (
            {
                "inputTokens": 9,
                "outputTokens": 4,
                "cacheWriteInputTokens": 5,
                "cacheDetails": [{"ttl": "1h", "inputTokens": 50}],
            },
            Usage(14, 4, cache_creation_tokens=5, cache_creation_1h_tokens=5),
        ),
        ({"inputTokens": 9}, None),
        ({"outputTokens": 9}, None),
        ({"inputTokens": -9, "outputTokens": 4}, None),
        ({"inputTokens": True, "outputTokens": 4}, None),
        ({"inputTokens": 9, "outputTokens": 4.5}, None),
        ({"inputTokens": 9, "outputTokens": 4, "cacheReadInputTokens": -1}, None),
        ({"inputTokens": 10**12, "outputTokens": 4}, None),
        (None, None),
        ([], None),
    ],
)
def test_counts(raw: Any, usage: Usage | None) -> None:
    """Counts that cannot be true are none, and no part is larger than its whole."""
    assert converse.usage_of(ask(), json.dumps({"usage": raw}).encode()) == usage
    meter = converse.meter(ask())
    meter.feed(event("metadata", {"usage": raw, "metrics": {}}))
    assert (meter.usage, meter.ended) == (usage, True)


def test_a_flawed_stream_passes_and_counts() -> None:
    """After a wrong checksum nothing is read: all bytes pass, and count as if they were text."""
    good, bad, rest = delta({"text": "Hello"}), bytearray(delta({"text": "World"})), event("metadata", {})
    bad[-1] ^= 1
    meter = converse.meter(ask())
    assert meter.feed(good + bytes(bad) + rest) + meter.finish() == good + bytes(bad) + rest
    assert meter.unread_tokens == len(bad + rest)
    assert (meter.take_texts(), meter.ended) == (["Hello"], False)


@given(st.lists(st.binary(max_size=60), max_size=9))
def test_noise_passes(chunks: list[bytes]) -> None:
    """Bytes that are no event stream pass as they are and count as text; nothing is raised."""
    meter = converse.meter(ask())
    whole = b"".join(chunks)
    assert b"".join([*map(meter.feed, chunks), meter.finish()]) == whole
    assert (meter.usage, meter.unread_tokens) == (None, len(whole))
    assert (converse.answer_texts(ask(), whole), converse.usage_of(ask(), whole)) == ([], None)


LEAVES = st.none() | st.booleans() | st.integers() | st.text()
KEYS = st.sampled_from(["delta", "start", "text", "toolUse", "input", "reasoningContent", "usage", "contentBlockIndex"])
KINDS = st.sampled_from(["contentBlockDelta", "contentBlockStart", "contentBlockStop", "metadata", "messageStop", ""])


@given(KINDS, st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=9))
def test_any_payload_passes(kind: str, value: Any) -> None:
    """Whatever JSON stands in an event, nothing is raised and no byte is lost."""
    data = event(kind, value)
    meter = converse.meter(ask())
    assert meter.feed(data) + meter.finish() + meter.last == data
    converse.answer_texts(ask(), json.dumps({"output": {"message": {"content": value}}}).encode())


def test_a_cut_closes_the_open_block() -> None:
    """A cut stream ends as one that has reached its length, and an exception follows."""
    meter = converse.meter(ask())
    meter.feed(delta({"text": "Hello"}, 3))
    stop = ({":message-type": "event", ":event-type": "messageStop", ":content-type": "application/json"}, "max_tokens")
    *closing, last = read_all(converse.cut_frame(ask(), meter.template))
    assert (last[0], json.loads(last[1])["stopReason"]) == stop
    assert [json.loads(payload) for _, payload in closing] == [{"contentBlockIndex": 3}]
    meter.feed(event("contentBlockStop", {"contentBlockIndex": 3}))
    assert len(read_all(converse.cut_frame(ask(), meter.template))) == 1
    assert len(read_all(converse.cut_frame(ask(), b"no json"))) == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refused("insufficient_quota"), "throttlingException"),
        (UpstreamBroken("It broke.", sent=True), "modelStreamErrorException"),
        (StoreUnavailable("Away."), "serviceUnavailableException"),
        (GatewayError("Oh."), "internalServerException"),
    ],
)
def test_an_error_in_a_stream_is_an_exception(error: GatewayError, kind: str) -> None:
    """AWS's SDKs raise on a message whose type is `exception`; its payload has the words."""
    ((headers, payload),) = read_all(converse.error_event(ask(), error))
    assert (headers[":message-type"], headers[":exception-type"]) == ("exception", kind)
    assert json.loads(payload) == error_body(error, "01J")
    assert json.loads(payload)["message"] == error.message


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (refused("rate_limit_exceeded"), "ThrottlingException"),
        (refused("insufficient_quota"), "ServiceQuotaExceededException"),
        (BadRequest("No."), "ValidationException"),
        (Unauthenticated("No."), "UnrecognizedClientException"),
        (Forbidden("No."), "AccessDeniedException"),
        (ModelNotFound("No."), "ResourceNotFoundException"),
        (UpstreamSilent("No.", sent=True), "ModelTimeoutException"),
        (UpstreamBroken("No.", sent=True), "ModelErrorException"),
        (StoreUnavailable("No."), "ServiceUnavailableException"),
        (GatewayError("No."), "InternalServerException"),
    ],
)
def test_an_error_has_awss_name(error: GatewayError, kind: str) -> None:
    """The name stands in a header, the message in the body, a refused budget beside it."""
    assert error_headers(error, "01J") == {"x-amzn-errortype": kind, "x-amzn-requestid": "01J"}
    body = error_body(error, "01J")
    assert (body["message"], body["code"]) == ("No.", error.code)
    assert ("budget" in body) is isinstance(error, BudgetRefused)
