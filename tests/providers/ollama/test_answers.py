"""What Ollama answers: usage, texts and streams, of every documented shape and of none."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UpstreamBroken
from gateway.model import Call, Endpoint, Request, Usage
from gateway.providers.ndjson import MAX_LINE_BYTES
from gateway.providers.ollama import native
from gateway.providers.ollama.endings import error_body, error_headers
from tests.providers.ollama.calls import ask
from tests.providers.shapes import Shape
from tests.providers.shapes.ollama import SHAPES

WHOLE = [shape for shape in SHAPES if not shape.stream]
STREAMS = [shape for shape in SHAPES if shape.stream]
NAMED = {"ids": lambda shape: shape.name}
LEAVES = st.none() | st.booleans() | st.integers() | st.text()
FIELDS = st.sampled_from(["message", "content", "tool_calls", "function", "arguments", "done", "eval_count", "error"])
COUNTS = {"prompt_eval_count": 9, "eval_count": 4}


def call_of(shape: Shape) -> Call:
    """Read the request that an answer belongs to."""
    endpoint = Endpoint(shape.endpoint)
    if shape.request is None:
        return ask(endpoint)
    return native.read(Request(endpoint, "01J", json.dumps(shape.request).encode()))


def line(**fields: Any) -> bytes:
    """Make one line of a stream."""
    return json.dumps({"model": "m", "created_at": "2026-01-01T00:00:00Z", **fields}).encode() + b"\n"


def says(text: str, **fields: Any) -> bytes:
    """Make a line with a text."""
    return line(message={"role": "assistant", "content": text}, **{"done": False, **fields})


@pytest.mark.parametrize("shape", WHOLE, **NAMED)
def test_a_documented_answer(shape: Shape) -> None:
    """The usage of each answer in one piece is what is documented."""
    assert native.usage_of(call_of(shape), shape.body) == shape.usage
    assert not native.is_stream(shape.content_type)


@pytest.mark.parametrize("shape", STREAMS, **NAMED)
def test_a_documented_stream(shape: Shape) -> None:
    """Of each stream the usage is right, all bytes pass, and the line that ends it is held back."""
    meter = native.meter(call_of(shape))
    passed = meter.feed(shape.body) + meter.finish()
    assert meter.usage == shape.usage
    assert passed + meter.last == shape.body
    assert meter.ended == (b'"done":true' in shape.body)
    assert meter.error_seen == (b'"error"' in shape.body)
    assert native.is_stream(shape.content_type)


@given(st.sampled_from(STREAMS), st.lists(st.integers(0, 900), max_size=20))
def test_any_split_gives_the_same(shape: Shape, cuts: list[int]) -> None:
    """However the bytes are cut, usage, bytes and texts are the same."""
    places = sorted(min(place, len(shape.body)) for place in cuts)
    once, split = native.meter(call_of(shape)), native.meter(call_of(shape))
    passed = b"".join(
        split.feed(shape.body[start:end]) for start, end in zip([0, *places], [*places, len(shape.body)], strict=True)
    )
    assert passed + split.finish() == once.feed(shape.body) + once.finish()
    assert (split.usage, split.last, split.template) == (once.usage, once.last, once.template)
    assert split.bound_tokens == once.bound_tokens
    assert split.take_texts() == once.take_texts()


def test_texts() -> None:
    """Whatever a model can say in is read: answer, thinking, calls; each field is one text."""
    called = {"function": {"name": "weather", "arguments": {"city": "Rome"}}}
    meter = native.meter(ask())
    meter.feed(line(message={"role": "assistant", "content": "", "thinking": "Hm"}))
    meter.feed(says("He") + says("llo"))
    meter.feed(line(message={"role": "assistant", "content": "", "tool_calls": [called]}))
    texts = ["Hm", "Hello", 'weather{"city":"Rome"}']
    assert meter.bound_tokens >= sum(map(len, texts))
    assert meter.take_texts() == texts
    whole = line(message={"content": "Hello", "thinking": "Hm", "tool_calls": [called]})
    assert native.answer_texts(ask(), whole) == ["Hello", "Hm", "weather", '{"city":"Rome"}']
    assert native.answer_texts(ask(Endpoint.OLLAMA_GENERATE), line(response="Hi", thinking="Hm")) == ["Hm", "Hi"]
    assert native.answer_texts(ask(Endpoint.OLLAMA_EMBED), line(response="Hi")) == []


@pytest.mark.parametrize(
    ("fields", "usage"),
    [
        (COUNTS, Usage(9, 4)),
        ({**COUNTS, "prompt_eval_cached_count": 5}, Usage(9, 4, cache_read_tokens=5)),
        ({**COUNTS, "prompt_eval_cached_count": 50}, Usage(9, 4, cache_read_tokens=9)),
        ({"eval_count": 4}, Usage(0, 4, estimated=True)),
        ({"prompt_eval_count": 0, "eval_count": 0}, Usage(0, 0)),
        ({"prompt_eval_count": 9}, None),
        ({**COUNTS, "eval_count": -1}, None),
        ({**COUNTS, "eval_count": True}, None),
        ({**COUNTS, "prompt_eval_count": 1.5}, None),
        ({**COUNTS, "prompt_eval_count": 10**12}, None),
        ({}, None),
    ],
)
def test_counts(fields: dict[str, Any], usage: Usage | None) -> None:
    """Counts that cannot be true are none; one that is left out is a zero only where nothing contradicts that."""
    assert native.usage_of(ask(), says("Hello", done=True, **fields)) == usage
    meter = native.meter(ask())
    meter.feed(says("Hello") + line(done=True, **fields))
    assert (meter.usage, meter.ended) == (usage, True)


def test_nothing_said_is_no_output() -> None:
    """A zero is left out: where nothing was said, there was none."""
    assert native.usage_of(ask(), says("", done=True, prompt_eval_count=9)) == Usage(9, 0)


@pytest.mark.parametrize(
    "body",
    [
        (Endpoint.OLLAMA_CHAT, {"messages": []}, {"message": {"role": "assistant", "content": ""}}),
        (Endpoint.OLLAMA_GENERATE, {"prompt": "", "keep_alive": 0}, {"response": ""}),
    ],
)
def test_loading_a_model_takes_nothing(body: tuple[Endpoint, dict[str, Any], dict[str, Any]]) -> None:
    """A request without a prompt loads or unloads a model; a text would be charged all the same."""
    endpoint, asked, answer = body
    call = ask(endpoint, **asked)
    assert native.usage_of(call, line(done=True, **answer)) == Usage()
    assert native.usage_of(call, line(done=True, response="I", message={"content": "I"})) is None
    assert native.usage_of(ask(endpoint), line(done=True, **answer)) is None


def test_a_line_too_long_is_not_forgotten() -> None:
    """A line over the limit passes and counts as if it were all text; without counts, that is what is known."""
    long = says("x" * MAX_LINE_BYTES)
    meter = native.meter(ask())
    assert meter.feed(long) == long
    assert meter.unread_tokens == len(long)
    meter.feed(line(done=True, prompt_eval_count=9))
    assert meter.usage is None


@given(st.lists(st.binary(max_size=60), max_size=9))
def test_noise_passes(chunks: list[bytes]) -> None:
    """Bytes that are no JSON pass as they are and count as text; nothing is raised."""
    meter = native.meter(ask())
    whole = b"".join(chunks)
    assert b"".join([*map(meter.feed, chunks), meter.finish()]) == whole
    assert meter.usage is None
    assert native.answer_texts(ask(), whole) == []


@given(st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(FIELDS, inner), max_leaves=9))
def test_any_json_passes(value: Any) -> None:
    """Whatever JSON comes, nothing is raised and no byte is lost."""
    data = json.dumps(value).encode() + b"\n"
    meter = native.meter(ask())
    assert meter.feed(data) + meter.finish() + meter.last == data
    native.usage_of(ask(), data)


def test_a_cut_is_no_good_end() -> None:
    """A cut stream says `length` in the words of its own lines, never `done`; the error is a line of its own."""
    meter = native.meter(ask())
    meter.feed(says("Hello"))
    cut = json.loads(native.cut_frame(ask(), meter.template))
    nothing = {"role": "assistant", "content": ""}
    head = {"model": "m", "created_at": "2026-01-01T00:00:00Z"}
    assert cut == {**head, "message": nothing, "done": False, "done_reason": "length"}
    generated = json.loads(native.cut_frame(ask(Endpoint.OLLAMA_GENERATE), None))
    assert (generated["response"], generated["done"], generated["model"]) == ("", False, "llama3.2")
    assert json.loads(native.cut_frame(ask(), b"no json"))["done_reason"] == "length"


def test_an_error_is_a_string() -> None:
    """The message stands where Ollama has it, the code beside it."""
    error = UpstreamBroken("It broke.", sent=True)
    told = {"error": "It broke.", "type": "api_error", "code": "upstream_broken", "param": None}
    assert error_body(error, "01J") == told
    assert json.loads(native.error_event(ask(), error)) == told
    assert native.error_event(ask(), error).endswith(b"\n")
    assert error_headers(error, "01J") == {"x-request-id": "01J"}
