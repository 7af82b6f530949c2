"""The meter of a stream: what passes, what is reported, what was received - for any split of the bytes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Endpoint, Usage
from gateway.providers import Meter
from gateway.providers.metering import MAX_PENDING_BYTES
from gateway.providers.openai.meter import StreamMeter
from gateway.providers.sse import MAX_FRAME_BYTES
from tests.providers.streams import DONE, HEL, LO, STREAMS, Stream

EACH = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)


def meter_of(endpoint: Endpoint = Endpoint.CHAT, *, hide_usage: bool = True) -> Meter:
    """Make the meter as the request path does."""
    return StreamMeter(endpoint, hide_usage=hide_usage)


def run(meter: Meter, chunks: list[bytes]) -> bytes:
    """Feed all chunks, end the stream, and give what was forwarded before settlement."""
    return b"".join([*(meter.feed(chunk) for chunk in chunks), meter.finish()])


def before_done(stream: Stream, *, hide_usage: bool) -> bytes:
    """Give the frames that a client gets before settlement."""
    return b"".join(
        sent
        for place, sent in enumerate(stream.sent)
        if "[DONE]" not in stream.frames[place] and not (hide_usage and place in stream.hidden)
    )


def received_bytes(stream: Stream) -> int:
    """Count what the model said, in UTF-8."""
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in stream.texts)


@EACH
@pytest.mark.parametrize("hide_usage", [True, False])
def test_a_recorded_stream(stream: Stream, hide_usage: bool) -> None:
    """Of each provider's stream the usage, the texts, the ending and the forwarded bytes are right."""
    meter = meter_of(stream.endpoint, hide_usage=hide_usage)
    forwarded = run(meter, stream.sent)
    assert meter.usage == stream.usage
    assert meter.bound_tokens >= received_bytes(stream)
    assert meter.take_texts() == stream.texts
    assert meter.error_seen == stream.has_error
    assert meter.ended == any("[DONE]" in frame for frame in stream.frames)
    # A blank line of three line feeds ends after two; the third opens the next frame.
    assert forwarded.replace(b"\n\n\n", b"\n\n") == before_done(stream, hide_usage=hide_usage).replace(
        b"\n\n\n", b"\n\n"
    )


@given(st.data())
def test_any_split_gives_the_same(data: st.DataObject) -> None:
    """However the bytes are cut, usage, forwarded bytes, texts, bound and ending are the same."""
    stream = data.draw(st.sampled_from(STREAMS))
    whole = b"".join(stream.sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=20)))
    chunks = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    once, split = meter_of(stream.endpoint), meter_of(stream.endpoint)
    assert run(split, chunks) == run(once, [whole])
    assert split.bound_tokens == once.bound_tokens
    assert (split.usage, split.ended, split.last, split.error_seen) == (
        once.usage,
        once.ended,
        once.last,
        once.error_seen,
    )
    assert split.take_texts() == once.take_texts() == stream.texts
    assert split.template == once.template


@EACH
def test_byte_by_byte(stream: Stream) -> None:
    """A stream that comes one byte at a time is metered the same."""
    meter = meter_of(stream.endpoint)
    whole = b"".join(stream.sent)
    run(meter, [whole[at : at + 1] for at in range(len(whole))])
    assert (meter.usage, meter.take_texts()) == (stream.usage, stream.texts)


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_noise_passes(chunks: list[bytes]) -> None:
    """Bytes that are no event stream pass as they are, up to what reads as an end, and nothing is raised."""
    meter = meter_of(hide_usage=False)
    forwarded = run(meter, chunks)
    assert (forwarded == b"".join(chunks)) or meter.ended


@given(
    st.lists(st.from_regex(rb'data:( |)[\x20-\x7e]{0,40}(\n|\r\n|\r){1,2}|[{}",:\[\]]{0,9}\r?\n\n?', fullmatch=True))
)
def test_malformed_frames_pass(chunks: list[bytes]) -> None:
    """Frames that hold no JSON pass as they are and count as if they were text."""
    meter = meter_of(hide_usage=False)
    whole = b"".join(chunks)
    assert run(meter, chunks) == whole or meter.ended
    assert meter.usage is None


@given(st.lists(st.text(), min_size=1))
def test_the_bound_is_never_below_the_texts(texts: list[str]) -> None:
    """The bound is at least the bytes of what was said, and at least one token a frame; the texts are all there."""
    meter = meter_of()
    for text in texts:
        meter.feed(chunk_of(text))
    said = "".join(texts)
    assert meter.bound_tokens >= max(len(texts), len(said.encode()))
    assert "".join(meter.take_texts()) == said
    assert (meter.bound_tokens, meter.take_texts()) == (0, [])


def chunk_of(text: str) -> bytes:
    """Make a chunk that says `text`, in the escapes of another JSON encoder than ours."""
    return b"data: " + json.dumps({"choices": [{"index": 0, "delta": {"content": text}}]}).encode() + b"\n\n"


def test_chunks_pass_as_they_are() -> None:
    """A chunk of whole frames is forwarded as the same object, one frame or several."""
    meter = meter_of()
    for chunk in (f"{HEL}\n\n".encode(), f"{HEL}\n\n{LO}\n\n".encode(), b": ping\r\n\r\n"):
        assert meter.feed(chunk) is chunk


def test_a_partial_frame_waits() -> None:
    """A frame is forwarded when it is complete; what came with it before, at once."""
    meter = meter_of()
    frame = f"{HEL}\n\n".encode()
    assert meter.feed(frame + frame[:30]) == frame
    assert meter.feed(frame[30:-1]) == b""
    assert meter.feed(frame[-1:]) == frame


def test_done_is_held_back() -> None:
    """`[DONE]` is kept for after the settlement, and what follows it is dropped."""
    meter = meter_of()
    assert meter.feed(f"{HEL}\n\n{DONE}\n\n{LO}\n\n".encode()) == f"{HEL}\n\n".encode()
    assert (meter.ended, meter.last) == (True, f"{DONE}\n\n".encode())
    assert meter.feed(f"{LO}\n\n".encode()) == b""
    assert meter.finish() == b""
    assert meter.take_texts() == ["Hel"]


@pytest.mark.parametrize("end", ["", "\n", "\r", "\r\n"])
def test_done_without_a_blank_line(end: str) -> None:
    """A server that closes right after `[DONE]` has ended its answer all the same."""
    meter = meter_of()
    meter.feed(f"{HEL}\n\n{DONE}{end}".encode())
    assert meter.finish() == b""
    assert (meter.ended, meter.last) == (True, f"{DONE}{end}".encode())


def test_usage_in_a_last_frame_without_a_blank_line() -> None:
    """Usage counts although the connection ends before the blank line."""
    meter = meter_of(hide_usage=False)
    last = b'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}'
    assert meter.feed(last) == b""
    assert meter.finish() == last
    assert meter.usage == Usage(9, 2)


def test_a_cut_frame_counts_as_text() -> None:
    """What arrived of a frame that was cut in the middle is passed on and not lost to counting."""
    meter = meter_of()
    frame = f"{HEL}\n\n".encode()
    meter.feed(frame + frame[:-9])
    assert meter.finish() == frame[:-9]
    assert sum(map(len, meter.take_texts())) >= len("HelHel")


def test_an_oversized_frame_passes_in_pieces() -> None:
    """A frame over the limit is never gathered: it passes on, and its bytes bound what it said."""
    meter = meter_of()
    chunk = b"data: " + b"x" * (1 << 18)
    passed = [len(meter.feed(chunk)) for _ in range(16)]
    assert sum(passed) + 2 >= 16 * len(chunk)
    frame = f"{HEL}\n\n".encode()
    assert meter.feed(b"\n\n" + frame).endswith(frame)
    assert meter.unread_tokens >= MAX_FRAME_BYTES
    assert meter.take_texts() == ["Hel"]


def test_pending_texts_are_bounded() -> None:
    """A long answer that nobody counts is reduced to its bytes, which bound its tokens."""
    meter = meter_of()
    said = 0
    for _ in range(40):
        meter.feed(chunk_of("é" * 20_000))
        said += 40_000
    kept = sum(len(text.encode()) for text in meter.take_texts())
    assert kept <= MAX_PENDING_BYTES
    assert kept + meter.unread_tokens == said


def test_texts_are_taken_in_turns() -> None:
    """Taken piece by piece, the texts are the whole, and the bound starts again each time."""
    meter = meter_of()
    meter.feed(f"{HEL}\n\n".encode())
    assert (meter.bound_tokens, meter.take_texts(), meter.bound_tokens) == (3, ["Hel"], 0)
    meter.feed(f"{LO}\n\n".encode())
    assert (meter.bound_tokens, meter.take_texts()) == (2, ["lo"])


def test_an_invisible_token_counts() -> None:
    """A chunk with a choice and no text may stand for a token: the bound counts one."""
    meter = meter_of()
    meter.feed(b'data: {"choices":[{"index":0,"delta":{"content":""}}]}\n\n' * 3)
    assert meter.bound_tokens == 3


def test_a_usage_frame_with_an_error_is_shown() -> None:
    """An error is never hidden, whatever else its frame holds."""
    meter = meter_of()
    frame = (
        b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":0},"error":{"message":"overloaded"}}\n\n'
    )
    assert meter.feed(frame) == frame
    assert meter.error_seen


@pytest.mark.parametrize(
    "frame",
    [
        'data: {"choices":{"0":{"delta":{"content":"x"}}}}',
        'data: {"choices":[null,1,"x",[]]}',
        'data: {"choices":[{"index":"0","delta":"x","message":7,"text":{}}]}',
        'data: {"choices":[{"delta":{"content":{"a":[1,null]},"tool_calls":{"x":1},"function_call":[],"audio":"x"}}]}',
        'data: {"choices":[{"delta":{"tool_calls":[{"index":[],"function":"f","custom":[]},3]}}]}',
        'data: {"choices":[],"usage":[1]}',
        'data: {"choices":[],"usage":{"prompt_tokens":"9"}}',
        'data: {"x_groq":[],"choices":[{"usage":5}]}',
        "data: [1,2]",
        "data: null",
        "data: " + "[" * 5000,
        "data: 1e400",
        "data",
        "data:",
        "datax: y",
        "event: ping\nid: 7\nretry: 100",
        "\ufeff",
    ],
)
def test_frames_of_unexpected_shapes(frame: str) -> None:
    """A frame of the right syntax and a wrong shape passes, reports nothing and raises nothing."""
    meter = meter_of(hide_usage=False)
    sent = f"{frame}\n\n".encode()
    assert run(meter, [sent]) == sent
    assert meter.usage is None
    assert not meter.ended
