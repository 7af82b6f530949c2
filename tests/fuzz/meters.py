"""Meters: a provider may send anything; nothing raises, every byte passes, nothing received goes uncounted."""

from gateway.model import Endpoint
from gateway.providers.dialect import FORMATS
from tests.fuzz.cases import paired, read_case
from tests.providers.minimal import call_for
from tests.providers.shapes import SHAPES
from tests.providers.shapes.shape import JSON

STREAMS = tuple(shape for shape in SHAPES if shape.stream)
PIECES = tuple(shape for shape in SHAPES if not shape.stream)
CALLS = {
    (shape.name, wants_usage): call_for(
        Endpoint(shape.endpoint),
        shape.request,
        stream=shape.stream,
        wants_usage=wants_usage,
        as_array=shape.stream and shape.content_type == JSON,
    )
    for shape in SHAPES
    for wants_usage in (True, False)
}
STREAM_CASES = paired([shape.body for shape in STREAMS])
PIECE_CASES = paired([shape.body for shape in PIECES])


def stream(case: bytes) -> None:
    """Check a stream of any operation, in any split."""
    one = read_case(case)
    shape = one.choice(0, STREAMS)
    wants_usage = bool(one.number(1, 2))
    call = CALLS[shape.name, wants_usage]
    wire = FORMATS[call.endpoint]
    meter, passed, texts, bound = wire.meter(call), b"", 0, 0
    for place, chunk in enumerate(one.chunks(one.data, 2)):
        passed += meter.feed(chunk)
        if place % 2:
            bound += meter.bound_tokens
            texts += sum(len(text.encode("utf-8", "surrogatepass")) for text in meter.take_texts())
    passed += meter.finish() + meter.last
    bound += meter.bound_tokens
    texts += sum(len(text.encode("utf-8", "surrogatepass")) for text in meter.take_texts())
    assert texts <= bound
    assert meter.unread_tokens >= 0
    _check_bytes(one.data, passed, has_ended=meter.ended, wants_usage=wants_usage)
    usage = meter.usage
    if usage is not None:
        assert min(usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.reasoning_tokens) >= 0
    wire.cut_frame(call, meter.template)


def _check_bytes(data: bytes, passed: bytes, *, has_ended: bool, wants_usage: bool) -> None:
    """Check that what came has passed, up to the end of the answer, but for a usage that nobody asked for."""
    if wants_usage:
        assert data.startswith(passed) if has_ended else data == passed
    else:
        rest = iter(data)
        assert all(byte in rest for byte in passed)


def piece(case: bytes) -> None:
    """Check an answer in one piece: its usage and its texts are read or not, and nothing raises."""
    one = read_case(case)
    shape = one.choice(0, PIECES)
    call = CALLS[shape.name, True]
    wire = FORMATS[call.endpoint]
    usage = wire.usage_of(call, one.data)
    assert usage is None or min(usage.input_tokens, usage.output_tokens) >= 0
    assert all(isinstance(text, str) for text in wire.answer_texts(call, one.data))
