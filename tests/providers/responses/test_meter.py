"""The meter of a streamed response: what passes, what is reported, what was received - for any split of the bytes."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Usage
from gateway.providers.openai.responses.meter import MAX_EVENT_BYTES, MOST_ITEMS, ResponseMeter
from gateway.providers.sse import MAX_FRAME_BYTES
from tests.providers.responses.calls import CREATED, delta, ended, frame, response, usage

CALL = {"id": "fc_1", "type": "function_call", "call_id": "call_1", "name": "lookup", "arguments": ""}
MESSAGE = {"id": "msg_1", "type": "message", "content": [{"type": "output_text", "text": "Hello"}]}
ADDED = {"type": "response.output_item.added", "output_index": 0, "item": CALL}
DONE = {"type": "response.output_item.done", "output_index": 0, "item": MESSAGE}
FAILED = {"error": {"code": "server_error", "message": "m"}}

STREAMS: list[tuple[str, list[dict[str, Any]], Usage | None, list[str], bool]] = [
    (
        "a message",
        [CREATED, delta("Hel"), delta("lo"), DONE, ended(usage=usage(9, 2, cached=4), output=[MESSAGE])],
        Usage(9, 2, cache_read_tokens=4),
        ["Hello"],
        False,
    ),
    (
        "two parts and a refusal",
        [CREATED, delta("a", part=0), delta("b", part=1), delta("no", "refusal", place=1), ended(usage=usage(9, 3))],
        Usage(9, 3),
        ["a", "b", "no"],
        False,
    ),
    (
        "a tool call after reasoning",
        [
            CREATED,
            {"type": "response.reasoning_summary_text.delta", "output_index": 0, "summary_index": 0, "delta": "Hm"},
            ADDED | {"output_index": 1},
            delta('{"q":', "function_call_arguments", place=1),
            delta("1}", "function_call_arguments", place=1),
            ended(usage=usage(9, 30, reasoning=20)),
        ],
        Usage(9, 30, reasoning_tokens=20),
        ["Hm", "lookup", '{"q":1}'],
        False,
    ),
    (
        "code",
        [CREATED, delta("1+1", "code_interpreter_call_code"), ended(usage=usage(1, 1))],
        Usage(1, 1),
        ["1+1"],
        False,
    ),
    ("an item without deltas", [CREATED, DONE, ended(usage=usage(9, 1))], Usage(9, 1), ["Hello"], False),
    ("nothing but the end", [CREATED, ended(output=[MESSAGE])], None, ["Hello"], False),
    ("incomplete", [CREATED, delta("Hel"), ended("incomplete", usage=usage(9, 1))], Usage(9, 1), ["Hel"], False),
    ("failed, with its usage", [CREATED, ended("failed", usage=usage(9, 1), **FAILED)], Usage(9, 1), [], False),
    ("failed, without", [CREATED, delta("Hel"), ended("failed", **FAILED)], None, ["Hel"], True),
    (
        "an error, then failed",
        [CREATED, {"type": "error", "error": {"code": "c", "message": "m"}}, ended("failed", **FAILED)],
        None,
        [],
        True,
    ),
    (
        "images beside",
        [
            CREATED,
            {"type": "response.image_generation_call.partial_image", "partial_image_b64": "A" * 99, "output_index": 0},
            ended(usage=usage(9, 2), tool_usage={"image_gen": usage(50, 515), "web_search": {"num_requests": 0}}),
        ],
        Usage(59, 517),
        [],
        False,
    ),
]
EACH = pytest.mark.parametrize(("name", "events", "used", "texts", "failed"), STREAMS, ids=[one[0] for one in STREAMS])


def run(chunks: list[bytes]) -> tuple[ResponseMeter, bytes]:
    """Feed all chunks, end the stream; give the meter and what was forwarded before settlement."""
    meter = ResponseMeter()
    return meter, b"".join([*(meter.feed(chunk) for chunk in chunks), meter.finish()])


@EACH
@pytest.mark.parametrize("blank", ["\n\n", "\r\n\r\n"])
def test_a_stream(
    name: str, events: list[dict[str, Any]], used: Usage | None, texts: list[str], failed: bool, blank: str
) -> None:
    """Usage, texts, errors and the forwarded bytes are right; the event that ends the response is held back."""
    frames = [frame(event, blank=blank) for event in events]
    meter, forwarded = run(frames)
    assert (meter.usage, meter.error_seen, meter.ended) == (used, failed, True), name
    assert meter.bound_tokens >= sum(map(len, texts))
    assert meter.take_texts() == texts
    assert (forwarded, meter.last) == (b"".join(frames[:-1]), frames[-1])


@given(st.data())
def test_any_split_gives_the_same(data: st.DataObject) -> None:
    """However the bytes are cut, usage, texts, ending and forwarded bytes are the same."""
    _, events, used, texts, _ = data.draw(st.sampled_from(STREAMS))
    whole = b"".join(map(frame, events)) + b"data: [DONE]\n\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=20)))
    split, forwarded = run([whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)])
    once, expected = run([whole])
    assert (forwarded, split.last, split.bound_tokens) == (expected, once.last, once.bound_tokens)
    assert (split.usage, split.template, split.error_seen) == (used, once.template, once.error_seen)
    assert split.take_texts() == once.take_texts() == texts


def test_the_template_is_the_first_event_with_a_response() -> None:
    """A cut stream ends with the same response."""
    meter, _ = run([frame(CREATED), frame({"type": "response.in_progress", "response": response()})])
    assert meter.template is not None
    assert b'"response.created"' in meter.template


def test_done_ends_a_stream_that_has_no_other_end() -> None:
    """Some compatible servers end as chat does."""
    meter, forwarded = run([frame(CREATED), frame(delta("Hi")), b"data: [DONE]\n\n"])
    assert (meter.ended, meter.last, meter.usage) == (True, b"data: [DONE]\n\n", None)
    assert forwarded == frame(CREATED) + frame(delta("Hi"))


def test_a_large_end_is_read() -> None:
    """The last event repeats the images that a tool generated: it is gathered all the same, and counts no text."""
    image = {"type": "image_generation_call", "result": "A" * (2 * MAX_FRAME_BYTES)}
    whole = frame(ended(usage=usage(9, 2), output=[image]))
    meter, _ = run([whole[at : at + 50_000] for at in range(0, len(whole), 50_000)])
    assert (meter.usage, meter.unread_tokens, meter.take_texts()) == (Usage(9, 2), 0, [])


def test_an_oversized_event_passes_in_pieces() -> None:
    """An event over the limit is never gathered; its bytes bound what it said."""
    meter = ResponseMeter()
    chunk = b"data: " + b"x" * (1 << 20)
    passed = sum(len(meter.feed(chunk)) for _ in range((MAX_EVENT_BYTES >> 20) + 2))
    assert passed > MAX_EVENT_BYTES
    assert meter.unread_tokens >= MAX_EVENT_BYTES


def test_a_lone_surrogate_is_text() -> None:
    """What the strict decoder refuses is read by the forgiving one: texts and usage count."""
    broken = b'data: {"type":"response.output_text.delta","output_index":0,"delta":"a\\ud800"}\n\n'
    closing = frame(ended(usage=usage(9, 2))).replace(b'"output": []', b'"output": ["\\ud800"]')
    meter, _ = run([broken, closing])
    assert (meter.usage, len(meter.take_texts()[0])) == (Usage(9, 2), 2)


def test_an_invisible_delta_counts() -> None:
    """A delta without a text may stand for a token."""
    meter, _ = run([frame(delta("")), frame({"type": "response.audio.delta", "delta": "AAAA"})])
    assert (meter.bound_tokens, meter.take_texts()) == (2, [])


def test_numbers_of_items_without_end_take_no_memory() -> None:
    """A provider may number items as it likes: what it says is counted, rather twice than not at all."""
    meter = ResponseMeter()
    for place in (*range(2 * MOST_ITEMS), -1, *(10**power for power in range(4, 900))):
        meter.feed(frame(delta("a", place=place)))
        meter.feed(frame(DONE | {"output_index": place}))
        heard = "a" if place in range(MOST_ITEMS) else "aHello"
        assert "".join(meter.take_texts()) == heard
    assert meter._heard == set(range(MOST_ITEMS))


@pytest.mark.parametrize(
    "data",
    [
        '{"type":7}',
        '{"type":"response.output_text.delta","delta":{"a":1},"output_index":"0","content_index":[]}',
        '{"type":"response.output_item.done","item":[{"text":7}]}',
        '{"type":"response.created","response":7}',
        '{"delta":"x"}',
        "[1,2]",
        "null",
        "[" * 5000,
        "1e400",
        "not json",
    ],
)
def test_events_of_unexpected_shapes(data: str) -> None:
    """An event of a wrong shape passes, reports nothing and raises nothing."""
    sent = f"data: {data}\n\n".encode()
    meter, forwarded = run([sent])
    assert (forwarded, meter.usage, meter.ended) == (sent, None, False)


@pytest.mark.parametrize("given", [7, None, [], {"usage": 7}, {"usage": {"input_tokens": -1, "output_tokens": True}}])
def test_an_end_of_an_unexpected_shape(given: Any) -> None:
    """It ends the answer, and reports nothing."""
    meter, _ = run([frame({"type": "response.completed", "response": given})])
    assert (meter.ended, meter.usage) == (True, None)
