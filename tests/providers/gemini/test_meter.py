"""The meter of a stream of chunks, as events and as an array - for any split of the bytes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import BudgetRefused
from gateway.model import Usage
from gateway.providers import Meter
from gateway.providers.gemini import content
from gateway.providers.gemini.meter import MOST_CHUNK_BYTES
from tests.providers.gemini.asking import PNG, ask
from tests.providers.shapes.gemini import SHAPES
from tests.providers.shapes.shape import SSE, Shape

STREAMS = [shape for shape in SHAPES if shape.stream]
EACH = pytest.mark.parametrize("shape", STREAMS, ids=lambda shape: shape.name)
FRAMINGS = pytest.mark.parametrize("alt", ["sse", None])
SPENT = BudgetRefused("Spent.", type_="insufficient_quota", code="budget_exceeded", budget={"name": "own"}, headers={})


def chunk(*parts: dict[str, Any], finish: str | None = None, **fields: Any) -> dict[str, Any]:
    """Make one chunk of one candidate."""
    candidate = {"content": {"parts": list(parts), "role": "model"}, "index": 0}
    return {"candidates": [candidate | ({"finishReason": finish} if finish else {})], **fields}


def counts(prompt: int, candidates: int) -> dict[str, int]:
    return {"promptTokenCount": prompt, "candidatesTokenCount": candidates, "totalTokenCount": prompt + candidates}


def framed(chunks: list[dict[str, Any]], alt: str | None) -> list[bytes]:
    """Frame chunks as Google does; of an array the closing bracket too."""
    texts = [json.dumps(one) for one in chunks]
    if alt:
        return [f"data: {text}\r\n\r\n".encode() for text in texts]
    return [f"{',' if place else '['}{text}".encode() for place, text in enumerate(texts)] + [b"\n]"]


def meter_of(alt: str | None) -> Meter:
    """Make the meter as the request path does."""
    return content.meter(ask(stream=True, alt=alt))


def run(chunks: list[bytes], alt: str | None) -> tuple[Meter, bytes]:
    """Feed all chunks, end the stream; give the meter, and what was forwarded."""
    meter = meter_of(alt)
    return meter, b"".join([*(meter.feed(one) for one in chunks), meter.finish()])


def alt_of(shape: Shape) -> str | None:
    return "sse" if shape.content_type == SSE else None


@EACH
def test_documented_streams(shape: Shape) -> None:
    """The usage of each, and all its bytes but white space after the end of an array."""
    meter, forwarded = run([shape.body], alt_of(shape))
    assert meter.usage == shape.usage
    assert forwarded + meter.last == (shape.body if alt_of(shape) else shape.body.rstrip())
    assert meter.ended == (alt_of(shape) is None)
    assert not meter.error_seen


@given(st.data())
def test_any_split_gives_the_same(data: st.DataObject) -> None:
    """However the bytes are cut, usage, texts, bound, forwarded bytes and ending are the same."""
    shape = data.draw(st.sampled_from(STREAMS))
    alt, size = alt_of(shape), len(shape.body)
    cuts = sorted(data.draw(st.lists(st.integers(0, size), max_size=20)))
    pieces = [shape.body[start:end] for start, end in zip([0, *cuts], [*cuts, size], strict=True)]
    (split, sent), (once, sent_once) = run(pieces, alt), run([shape.body], alt)
    assert sent == sent_once
    assert (split.usage, split.last, split.ended, split.bound_tokens, split.unread_tokens, split.template) == (
        once.usage,
        once.last,
        once.ended,
        once.bound_tokens,
        once.unread_tokens,
        once.template,
    )
    assert split.take_texts() == once.take_texts()


@FRAMINGS
def test_a_chunk_that_says_why_it_finished_waits(alt: str | None) -> None:
    """It goes on with the next one, or with the end of the stream: after the call is settled."""
    frames = framed([chunk({"text": "a"}), chunk({"text": "b"}, finish="STOP"), chunk(finish="STOP")], alt)
    meter = meter_of(alt)
    assert [meter.feed(frame) for frame in frames[:3]] == [frames[0], b"", frames[1]]
    end = b"".join(frames[3:])
    assert meter.feed(end) == b""
    assert meter.finish() + meter.last == frames[2] + end


@FRAMINGS
def test_texts_by_candidate_and_kind(alt: str | None) -> None:
    """Text, thoughts, calls, code and its result; each candidate's are one text."""
    call = {"functionCall": {"id": "1", "name": "f", "args": {"a": 1}}}
    code = [{"executableCode": {"code": "1+1"}}, {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "2"}}]
    other = {"candidates": [{"index": 1, "content": {"parts": [{"text": "Yo"}]}}]}
    hmm = {"text": "hm", "thought": True}
    chunks = [chunk({"text": "He"}, hmm), other, chunk({"text": "llo"}, call, *code, finish="STOP")]
    meter, _ = run(framed(chunks, alt), alt)
    assert meter.take_texts() == ["Hello", "hm", "Yo", '{"name":"f","args":{"a":1}}', "1+1", "2"]
    assert (meter.usage, meter.thinking_told) == (None, False)


@FRAMINGS
def test_the_last_counts_win(alt: str | None) -> None:
    """Each chunk tells all of it so far: nothing is added up, and none overwrites a number."""
    chunks = [
        chunk({"text": "a"}, usageMetadata=counts(9, 1)),
        chunk({"text": "b"}, usageMetadata=counts(9, 2)),
        chunk(finish="STOP", usageMetadata={"trafficType": "ON_DEMAND"}),
        chunk(finish="STOP", usageMetadata=None),
    ]
    meter, _ = run(framed(chunks, alt), alt)
    assert (meter.usage, meter.thinking_told) == (Usage(9, 2), True)


@FRAMINGS
def test_media_are_no_text(alt: str | None) -> None:
    """An image counts fewer tokens than its base64 has characters, and some."""
    meter, _ = run(framed([chunk({"inlineData": {"mimeType": "image/png", "data": PNG * 100}})], alt), alt)
    assert 1 < meter.unread_tokens < len(PNG * 100) // 10
    assert meter.take_texts() == []


@FRAMINGS
def test_what_cannot_be_read_is_text(alt: str | None) -> None:
    """A chunk that is no JSON passes, and counts by its bytes; one that is too large too."""
    broken = b"data: {nonsense}\r\n\r\n" if alt else b"[{nonsense}"
    meter, sent = run([broken], alt)
    assert sent == broken
    assert len("{nonsense}") <= meter.bound_tokens <= len(broken)
    huge = framed([chunk({"text": "x" * MOST_CHUNK_BYTES})], alt)
    meter, sent = run(huge, alt)
    assert sent + meter.last == b"".join(huge)
    assert meter.unread_tokens >= MOST_CHUNK_BYTES


@FRAMINGS
def test_an_error_is_seen(alt: str | None) -> None:
    """The provider's own error in a stream passes, and the stream did not come to a good end."""
    frames = framed([chunk({"text": "a"}), {"error": {"code": 503, "status": "UNAVAILABLE"}}], alt)
    meter, sent = run(frames, alt)
    assert meter.error_seen
    assert sent + meter.last == b"".join(frames)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["content", "parts", "text", "functionCall", "inlineData", "index"]), inner)
    ),
    max_leaves=15,
)


@given(st.lists(st.fixed_dictionaries({}, optional={"candidates": VALUES, "usageMetadata": VALUES, "error": VALUES})))
def test_any_shape_passes(chunks: list[dict[str, Any]]) -> None:
    """Whatever stands in a chunk, it is passed on and nothing is raised."""
    for alt in ("sse", None):
        frames = framed(chunks, alt)
        meter, sent = run(frames, alt)
        assert sent + meter.last == b"".join(frames)
        assert meter.bound_tokens >= len(chunks)


def test_an_answer_in_one_piece_where_events_were_asked_for() -> None:
    """A server that knows no events is metered all the same."""
    whole = json.dumps(chunk({"text": "a"}, finish="STOP", usageMetadata=counts(9, 1))).encode()
    meter, sent = run([whole], "sse")
    assert (meter.usage, sent) == (Usage(9, 1), whole)
    meter, sent = run([b"[" + whole + b"]"], "sse")
    assert (meter.usage, sent) == (None, b"[" + whole + b"]")
    assert meter.bound_tokens >= len(whole)


def test_a_call_with_half_a_character_is_read() -> None:
    """Its arguments are a text like any other."""
    meter, _ = run([b'[{"candidates":[{"content":{"parts":[{"functionCall":{"args":{"a":"\\ud800"}}}]}}]}]'], None)
    assert meter.take_texts() == ['{"args":{"a":"\ud800"}}']


def test_a_surrogate_is_read() -> None:
    """What a strict decoder refuses still counts, its usage included."""
    usage = '"usageMetadata":{"promptTokenCount":3}'
    frame = f'data: {{"candidates":[{{"content":{{"parts":[{{"text":"\\ud800 a"}}]}}}}],{usage}}}\n\n'
    meter, _ = run([frame.encode()], "sse")
    assert (meter.usage, meter.take_texts()) == (Usage(3, 0), ["\ud800 a"])


@pytest.mark.parametrize("passed", [0, 1, 2])
def test_an_array_that_is_cut_stays_an_array(passed: int) -> None:
    """What ends it is more elements and its bracket, whether or not one has passed before."""
    call = ask(stream=True)
    meter = content.meter(call)
    frames = framed([chunk({"text": "a"}), chunk({"text": "b"}), chunk(finish="STOP")], None)
    sent = b"".join(meter.feed(frame) for frame in frames[:passed])
    sent += meter.closing(content.cut_frame(call, meter.template) + content.error_event(call, SPENT))
    *elements, cut, error = json.loads(sent)
    assert len(elements) == passed
    assert cut["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert error["error"]["code"] == 429


def test_events_that_are_cut() -> None:
    """The last events follow what has passed, and repeat the stream's model and id."""
    call = ask(stream=True, alt="sse")
    meter = content.meter(call)
    meter.feed(framed([chunk({"text": "a"}, modelVersion="g", responseId="r")], "sse")[0])
    ending = meter.closing(content.cut_frame(call, meter.template) + content.error_event(call, SPENT))
    cut, error = [json.loads(data.removeprefix(b"data: ")) for data in ending.split(b"\r\n\r\n")[:2]]
    assert (cut["modelVersion"], cut["responseId"], cut["candidates"][0]["finishReason"]) == ("g", "r", "MAX_TOKENS")
    assert next(iter(error)) == "error"


@pytest.mark.parametrize(
    ("content_type", "flows"),
    [("text/event-stream", True), ("application/json; charset=utf-8", True), ("text/html", False)],
)
def test_which_answers_flow(content_type: str, flows: bool) -> None:
    """Events, and an array."""
    assert content.is_stream(content_type) is flows
