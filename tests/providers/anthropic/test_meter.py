"""The meter of a stream of messages: what passes, what is reported, what was received - for any split of the bytes."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Usage
from gateway.providers import Meter
from gateway.providers.anthropic import messages
from tests.providers.anthropic.asking import ask
from tests.providers.shapes.anthropic import SHAPES
from tests.providers.shapes.shape import Shape

STREAMS = [shape for shape in SHAPES if shape.stream]
EACH = pytest.mark.parametrize("shape", STREAMS, ids=lambda shape: shape.name)
START = {"type": "message_start", "message": {"usage": {"input_tokens": 5, "output_tokens": 1}}}
STOP = {"type": "message_stop"}


def frame(event: dict[str, Any], blank: str = "\n\n") -> bytes:
    """Frame an event as the API does."""
    return f"event: {event['type']}{blank[: len(blank) // 2]}data: {json.dumps(event)}{blank}".encode()


def delta(**fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": fields}


def told(output: int, **fields: Any) -> dict[str, Any]:
    return {"type": "message_delta", "delta": {}, "usage": {"output_tokens": output, **fields}}


def run(chunks: list[bytes]) -> tuple[Meter, bytes]:
    """Feed all chunks, end the stream; give the meter, and what was forwarded before settlement."""
    meter = messages.meter(ask(stream=True))
    return meter, b"".join([*(meter.feed(chunk) for chunk in chunks), meter.finish()])


def metered(*events: dict[str, Any]) -> Meter:
    return run([frame(event) for event in events])[0]


@EACH
def test_documented_streams(shape: Shape) -> None:
    """The usage of each, and all its bytes; what ends the answer waits."""
    meter, forwarded = run([shape.body])
    assert meter.usage == shape.usage
    assert forwarded + meter.last == shape.body
    assert meter.ended == (b"event: message_stop" in shape.body)
    assert meter.last.startswith(b"event: message_stop") or not meter.ended
    assert meter.error_seen == (b"event: error" in shape.body)


@EACH
@pytest.mark.parametrize("blank", ["\n\n", "\r\n\r\n", "\r\r"])
def test_any_line_ends(shape: Shape, blank: str) -> None:
    """The line ends of the event stream do not matter."""
    body = shape.body.replace(b"\n", blank[: len(blank) // 2].encode())
    meter, _ = run([body])
    assert (meter.usage, meter.take_texts()) == (shape.usage, run([shape.body])[0].take_texts())


@given(st.data())
def test_any_split_gives_the_same(data: st.DataObject) -> None:
    """However the bytes are cut, usage, forwarded bytes, texts, bound and ending are the same."""
    whole = data.draw(st.sampled_from(STREAMS)).body
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=20)))
    chunks = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    (split, passed), (once, expected) = run(chunks), run([whole])
    assert passed == expected
    assert split.bound_tokens == once.bound_tokens
    for name in ("usage", "ended", "last", "error_seen", "template", "unread_tokens"):
        assert getattr(split, name) == getattr(once, name)
    assert split.take_texts() == once.take_texts()


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_noise_passes(chunks: list[bytes]) -> None:
    """Bytes that are no event stream pass as they are, and nothing is raised."""
    meter, forwarded = run(chunks)
    assert forwarded == b"".join(chunks) or meter.ended


def test_texts_of_one_block_are_one_text() -> None:
    """Text, thinking, a tool's name and its input; signatures and citations are not the model's words."""
    opened = {
        "type": "content_block_start",
        "index": 1,
        "content_block": {"type": "tool_use", "name": "f", "input": {}},
    }
    argued = {"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": '{"a":'}}
    meter = metered(
        START,
        delta(type="thinking_delta", thinking="Hm"),
        delta(type="signature_delta", signature="EsECabcdef"),
        delta(type="text_delta", text="Hel"),
        delta(type="citations_delta", citation={"cited_text": "x"}),
        delta(type="text_delta", text="lo"),
        opened,
        argued,
    )
    assert meter.bound_tokens == len('HmHellof{"a":')
    assert meter.take_texts() == ["Hm", "Hello", "f", '{"a":']


def test_what_nobody_knows_counts() -> None:
    """A delta of a new type is text where it holds any, else a token; an event of a new type is all text."""
    assert metered(delta(type="new_delta", word="abc")).take_texts() == ["abc"]
    assert metered(delta(type="text_delta", text="")).bound_tokens == 1
    assert metered({"type": "new_event", "word": "abc"}).bound_tokens == len('{"type": "new_event", "word": "abc"}')


def test_what_tools_find_is_not_output() -> None:
    """A search's result in a stream is input, and is told in the usage."""
    result = {"type": "web_search_tool_result", "content": [{"title": "x" * 99}], "text": "x"}
    assert metered({"type": "content_block_start", "index": 0, "content_block": result}).bound_tokens == 0


def test_a_placeholder_is_no_usage() -> None:
    """A stream that ends, either way, without telling its output has told nothing; one that breaks told its input."""
    assert metered(START, delta(type="text_delta", text="Hi")).usage is None
    assert metered(START, delta(type="text_delta", text="Hi"), STOP).usage is None
    assert metered(START, told(7)).usage == metered(START, told(7), STOP).usage == Usage(5, 7)
    cut = messages.meter(ask())
    cut.feed(frame(START))
    assert cut.usage == Usage(5, 1)


def test_a_wrong_number_is_not_taken() -> None:
    """Usage that cannot be true leaves the stream without one."""
    assert metered(START, told(-7), STOP).usage is None
    assert metered(START, told(7, input_tokens="x"), STOP).usage is None


def test_totals_replace() -> None:
    """Each event tells totals; the last that is not null wins."""
    assert metered(START, told(3), told(9, input_tokens=50), told(9, input_tokens=None), STOP).usage == Usage(50, 9)


def test_nothing_follows_the_end() -> None:
    """After `message_stop` nothing passes."""
    meter = messages.meter(ask())
    assert meter.feed(frame(STOP) + frame(START)) == b""
    assert (meter.last, meter.feed(frame(START)), meter.finish()) == (frame(STOP), b"", b"")


def test_the_open_block_is_known() -> None:
    """Where a stream is cut, the block that is open has to be closed."""
    opened = {"type": "content_block_start", "index": 3, "content_block": {"type": "text", "text": ""}}
    assert metered(START).template is None
    assert metered(START, opened).template == b'{"index":3}'
    assert metered(START, opened, {"type": "content_block_stop", "index": 3}).template is None
    assert metered(START, {**opened, "index": "x"}).template is None
