"""Every documented answer through the format of its operation: the usage, and of a stream also the bytes and the texts.

Three things are not passed on as they came, each by design:

    usage nobody asked for   a chunk of chat or completions that says nothing else, where the client did not ask for it
    what follows the end     Gemini's array ends with its bracket; white space behind that is dropped
    a language not spoken    Cohere's own chat and embeddings stand at /v2/chat and /v2/embed, which no dialect asks:
                             read as chat they say nothing, and the gateway counts

The rule that matters: the expected usage is the table's; here is only what every one of them has in common.
"""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.model import Call, Endpoint, Usage
from gateway.providers import Meter
from gateway.providers.dialect import FORMATS
from tests.providers.minimal import call_for
from tests.providers.shapes import SHAPES, Shape
from tests.providers.shapes.shape import JSON

STREAMS = tuple(shape for shape in SHAPES if shape.stream)
ONE_PIECE = tuple(shape for shape in SHAPES if not shape.stream and shape.content_type != "audio/mpeg")
SOUNDS = tuple(shape for shape in SHAPES if shape.content_type == "audio/mpeg")

NOT_SPOKEN = frozenset({"cohere v2 chat, more cached than billed", "cohere v2 chat stream", "cohere embeddings"})
FREE = {Endpoint.RESPONSES_INPUT_TOKENS, Endpoint.COUNT_TOKENS, Endpoint.GEMINI_COUNT_TOKENS}
ASSUMED = frozenset({"image by its address"})
"""Billed by the picture, and told in no number: what such a picture takes is assumed, and marked."""

BROKEN_OFF = ("client left", "aborted", "in the middle", "error alone", "cut while it thinks")
UNMARKED = {
    "perplexity chat stream",
    "cohere v2 chat stream",
    "gemini stream, prompt blocked",
    "vertex stream, chunks without counts",
}
"""Streams that no frame ends: the client learns that from the end of the body, which waits for the charge too."""

EACH_STREAM = pytest.mark.parametrize("shape", STREAMS, ids=lambda shape: shape.name)
EACH_PIECE = pytest.mark.parametrize("shape", ONE_PIECE, ids=lambda shape: shape.name)


def call_of(shape: Shape, *, wants_usage: bool = True) -> Call:
    """Read a request whose answer this could be."""
    endpoint = Endpoint(shape.endpoint)
    as_array = shape.stream and shape.content_type == JSON
    return call_for(endpoint, shape.request, stream=shape.stream, wants_usage=wants_usage, as_array=as_array)


def expected(shape: Shape) -> Usage | None:
    """Give the usage that is to be read."""
    return None if shape.name in NOT_SPOKEN else shape.usage


def metered(shape: Shape, chunks: list[bytes], *, wants_usage: bool = True) -> tuple[Meter, bytes]:
    """Feed a stream to its meter; gives it, and every byte that the client gets."""
    meter = FORMATS[Endpoint(shape.endpoint)].meter(call_of(shape, wants_usage=wants_usage))
    passed = b"".join([*(meter.feed(chunk) for chunk in chunks), meter.finish()])
    return meter, passed + meter.last


def is_usage_alone(frame: bytes) -> bool:
    """Say whether a chunk of chat or completions tells a usage and nothing else."""
    data = frame.strip().removeprefix(b"data: ")
    if not data.startswith(b"{"):
        return False
    value = json.loads(data)
    return not value.get("choices") and bool(value.get("usage")) and not value.get("error")


def test_every_operation_has_a_format() -> None:
    """Each operation that has an answer here can be read: none is forwarded that nobody understands."""
    missing = sorted({shape.endpoint for shape in SHAPES} - {endpoint.value for endpoint in FORMATS})
    assert missing == []


@EACH_PIECE
def test_the_usage_of_an_answer_in_one_piece(shape: Shape) -> None:
    """What the provider says is read as it means it; what it does not say is no number of ours."""
    told = FORMATS[Endpoint(shape.endpoint)].usage_of(call_of(shape), shape.body)
    if shape.name in ASSUMED:
        assert told is not None
        assert told.estimated
    else:
        assert told == expected(shape)


@EACH_STREAM
def test_a_stream_at_once(shape: Shape) -> None:
    """The usage is read, and the client gets every byte."""
    meter, passed = metered(shape, [shape.body])
    assert FORMATS[Endpoint(shape.endpoint)].is_stream(shape.content_type)
    assert meter.usage == expected(shape)
    assert passed.rstrip() == shape.body.rstrip()
    assert passed == shape.body or shape.content_type == JSON


@EACH_STREAM
def test_a_stream_byte_by_byte(shape: Shape) -> None:
    """Bytes that come one at a time are metered the same."""
    single = [shape.body[at : at + 1] for at in range(len(shape.body))]
    assert state(*metered(shape, single)) == state(*metered(shape, [shape.body]))


@given(st.data())
@settings(max_examples=300)
def test_a_stream_in_any_pieces(data: st.DataObject) -> None:
    """However the bytes are cut, the usage, the bytes, the texts, the bound and the end are the same."""
    shape = data.draw(st.sampled_from(STREAMS))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shape.body)), max_size=12)))
    chunks = [shape.body[start:end] for start, end in zip([0, *cuts], [*cuts, len(shape.body)], strict=True)]
    assert state(*metered(shape, chunks)) == state(*metered(shape, [shape.body]))


def state(meter: Meter, passed: bytes) -> tuple[object, ...]:
    """Give all that a meter says in the end."""
    bounds = (meter.bound_tokens, meter.unread_tokens)
    return (meter.usage, passed, meter.ended, meter.last, meter.error_seen, bounds, meter.take_texts())


@EACH_STREAM
def test_the_end_waits_for_the_charge(shape: Shape) -> None:
    """Of a stream that comes to its end the client does not get the last frame before the call is settled."""
    meter = FORMATS[Endpoint(shape.endpoint)].meter(call_of(shape))
    passed = meter.feed(shape.body)
    is_marked = shape.name not in UNMARKED and not any(words in shape.name for words in BROKEN_OFF)
    assert (len(passed) < len(shape.body)) == is_marked


@EACH_STREAM
def test_the_text_is_never_above_its_bound(shape: Shape) -> None:
    """Should nobody report a usage, what was received covers every byte of text."""
    meter, _ = metered(shape, [shape.body])
    bound = meter.bound_tokens + meter.unread_tokens
    assert bound >= sum(len(text.encode("utf-8", "surrogatepass")) for text in meter.take_texts())


@EACH_STREAM
def test_only_a_usage_that_nobody_asked_for_is_hidden(shape: Shape) -> None:
    """A client that did not ask for usage gets all but the chunks that tell it alone; we know it all the same."""
    meter, passed = metered(shape, [shape.body], wants_usage=False)
    shown = shape.body
    if shape.endpoint in {Endpoint.CHAT, Endpoint.COMPLETIONS}:
        frames = re.findall(rb".+?(?:\r\n\r\n|\n\n)", shape.body, re.DOTALL)
        shown = b"".join(frame for frame in frames if not is_usage_alone(frame))
    assert passed.rstrip() == shown.rstrip()
    assert meter.usage == expected(shape)


@pytest.mark.parametrize("shape", SOUNDS, ids=lambda shape: shape.name)
def test_a_sound_is_no_usage(shape: Shape) -> None:
    """A sound flows as it is, says nothing, and is counted by what came of it."""
    meter = FORMATS[Endpoint(shape.endpoint)].meter(call_for(Endpoint(shape.endpoint)))
    assert meter.feed(shape.body) + meter.finish() == shape.body
    assert meter.usage is None
    assert meter.unread_tokens > 0


def test_what_is_free() -> None:
    """Counting is free, whatever the answer says; nothing else is."""
    assert {endpoint for endpoint in FORMATS if call_for(endpoint).is_free} == FREE


def test_what_is_not_spoken_is_named_once() -> None:
    """Exceptions are those that exist."""
    names = {shape.name for shape in SHAPES}
    assert names >= NOT_SPOKEN | ASSUMED | UNMARKED
