"""Frames that are recognised instead of decoded: whatever is recognised says what decoding would have said."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Endpoint
from gateway.providers.alike import learn
from gateway.providers.anthropic.meter import StreamMeter as MessageMeter
from gateway.providers.openai.meter import StreamMeter

MOST = 1 << 20
HEAD = 'data: {"id":"c","object":"chat.completion.chunk","model":"m","choices":[{"index":%d,"delta":'
TAILS = ["]}", '],"usage":null}', '],"usage":null,"obfuscation":"%s"}']


def frame(text: str, *, field: str = "content", index: int = 0, tail: str = TAILS[0]) -> bytes:
    """Give a chunk of a chat stream."""
    delta = json.dumps({field: text}, ensure_ascii=False, separators=(",", ":"))
    noise = tail % ("Zx9" * (len(text) % 5)) if "%s" in tail else tail
    return f'{HEAD % index}{delta},"finish_reason":null}}{noise}\n\n'.encode()


def said(text: str) -> bytes:
    """Give a delta of a message."""
    body = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
    return f"event: content_block_delta\ndata: {json.dumps(body, ensure_ascii=False)}\n\n".encode()


CHUNKS = st.tuples(st.text(max_size=6), st.sampled_from(["content", "reasoning", "role"]), st.integers(0, 1))


@given(st.lists(CHUNKS, max_size=30), st.sampled_from(TAILS), st.booleans())
def test_a_stream_says_what_its_frames_say_one_by_one(
    chunks: list[tuple[str, str, int]], tail: str, joined: bool
) -> None:
    """Of any run of chunks the texts, the bound and the forwarded bytes are those of meters that saw one chunk each."""
    frames = [frame(text, field=field, index=index, tail=tail) for text, field, index in chunks]
    meter = StreamMeter(Endpoint.CHAT, hide_usage=True)
    passed = b"".join(meter.feed(piece) for piece in ([b"".join(frames)] if joined else frames))
    alone = [StreamMeter(Endpoint.CHAT, hide_usage=True) for _ in frames]
    assert passed == b"".join(one.feed(piece) for one, piece in zip(alone, frames, strict=True)) == b"".join(frames)
    assert meter.bound_tokens == sum(one.bound_tokens for one in alone)
    expected: dict[tuple[str, int], str] = {}
    for text, field, index in chunks:
        if text and field != "role":
            expected[field, index] = expected.get((field, index), "") + text
    assert meter.take_texts() == list(expected.values())


def test_what_is_no_plain_text_is_decoded() -> None:
    """An escape, a usage, an error, an ending after many chunks that were alike are read as ever."""
    meter = StreamMeter(Endpoint.CHAT, hide_usage=True)
    for piece in [frame("a")] * 5 + [frame('"b"\n'), frame("\u00e9")]:
        assert meter.feed(piece) == piece
    assert meter.take_texts() == ['aaaaa"b"\n\u00e9']
    usage = b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":7}}\n\n'
    assert meter.feed(usage) == b""
    assert meter.usage is not None
    assert meter.usage.output_tokens == 7
    meter.feed(b'data: {"error":{"message":"m"}}\n\n')
    assert meter.error_seen
    assert meter.feed(b"data: [DONE]\n\n") == b""
    assert meter.ended


def test_deltas_of_a_message() -> None:
    """A run of deltas is one text; what follows the run in another block is another."""
    meter = MessageMeter()
    for text in ("Hel", "lo", ' "you"'):
        assert meter.feed(said(text)) == said(text)
    assert meter.bound_tokens == len('Hello "you"')
    assert meter.take_texts() == ['Hello "you"']


@pytest.mark.parametrize(
    "other",
    [
        frame("b").replace(b'"m"', b'"n"'),
        frame("b")[:-1],
        frame("b").replace(b"\n\n", b"\r\n\r\n"),
        frame('b"}'),
        frame("b\\"),
        frame("").replace(b'""', b'"\n\ndata: x"'),
        frame("b").replace(b'"b"', b'"b","c":"d"'),
        frame("b", tail=TAILS[1]),
        frame(""),
        b"data: [DONE]\n\n",
    ],
)
def test_what_is_not_alike(other: bytes) -> None:
    """One byte outside of the text, or one that could end it, and a frame is not recognised."""
    alike = learn(frame("a"), "a", MOST)
    assert alike is not None
    assert alike.texts_in(frame("z") + frame("y")) == [b"z", b"y"]
    assert alike.texts_in(other) == []
    assert alike.texts_in(frame("z") + other) == []
    assert alike.texts_in(other + frame("z")) == []


@pytest.mark.parametrize("text", ["content", "null", ",", ":", '"', "\\", "\n"])
def test_a_text_whose_place_is_not_certain(text: str) -> None:
    """Nothing is learned of a frame in which the text stands twice, or is written with an escape."""
    found = learn(frame(text), text, MOST)
    assert found is None or found.texts_in(frame("z")) == [b"z"]


def test_a_frame_that_is_too_large() -> None:
    """A frame over the limit of its meter is not recognised: it is one that is not gathered."""
    alike = learn(frame("a"), "a", 200)
    assert alike is not None
    assert alike.texts_in(frame("b" * 200)) == []
