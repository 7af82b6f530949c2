"""Frames that are recognised instead of decoded: whatever is recognised says what decoding would have said."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Endpoint
from gateway.providers.alike import learn, learn_counted, learn_message
from gateway.providers.anthropic.meter import StreamMeter as MessageMeter
from gateway.providers.bedrock.meter import StreamMeter as ConverseMeter
from gateway.providers.eventstream import encode
from gateway.providers.gemini.meter import ArrayMeter, EventMeter
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


def told(text: str, counts: tuple[int, int], *, form: str = "data: %s\r\n\r\n", more: str = "") -> bytes:
    """Give a chunk of Gemini that tells the usage so far."""
    candidate = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    usage = {"promptTokenCount": 3, "candidatesTokenCount": counts[0], "totalTokenCount": counts[1]}
    body = {"candidates": [candidate], "usageMetadata": usage, "modelVersion": f"m-2{more}"}
    return (form % json.dumps(body, ensure_ascii=False)).encode()


COUNTED = st.tuples(st.text(max_size=6), st.tuples(st.integers(-2, 10**10), st.integers(0, 2**31)))
FORMS = st.sampled_from(["data: %s\n\n", "data: %s\r\n\r\n", ",\r\n%s", ",%s\n"])


@given(st.lists(COUNTED, max_size=20), FORMS, st.booleans(), st.booleans())
def test_running_usage_is_that_of_the_last_credible_chunk(
    chunks: list[tuple[str, tuple[int, int]]], form: str, joined: bool, asked: bool
) -> None:
    """Of chunks that each tell the usage, texts, bound, usage and bytes are those of meters that saw one chunk each."""
    make = EventMeter if form.startswith("data") else ArrayMeter
    frames = [told(text, counts, form=form) for text, counts in chunks]
    meter, passed, usage = make(), b"", None
    for piece in [b"".join(frames)] if joined else frames:
        passed += meter.feed(piece)
        assert not asked or meter.usage is meter.usage
    alone = [make() for _ in frames]
    for one, piece in zip(alone, frames, strict=True):
        one.feed(piece)
        usage = one.usage or usage
    passed += meter.finish()
    assert passed == b"".join(frames)
    assert meter.usage == usage
    assert meter.bound_tokens == sum(one.bound_tokens for one in alone)
    assert "".join(meter.take_texts()) == "".join(text for text, _ in chunks)


def test_a_held_chunk_passes_before_one_that_is_alike() -> None:
    """What waited because it might be the last goes first when a chunk follows that is recognised."""
    meter = EventMeter()
    assert meter.feed(told("a", (1, 4))) == told("a", (1, 4))
    last = told("b", (2, 5)).replace(b'"index"', b'"finishReason": "STOP", "index"')
    assert meter.feed(last) == b""
    assert meter.feed(told("c", (3, 6))) == last + told("c", (3, 6))
    assert meter.finish() == b""
    assert meter.usage is not None
    assert meter.usage.output_tokens == 3
    assert meter.take_texts() == ["abc"]


def test_running_usage_of_a_chat() -> None:
    """Each chunk's usage is the newest, be it recognised or decoded; one that is not credible changes nothing."""
    meter = StreamMeter(Endpoint.CHAT, hide_usage=True)
    tail = '],"usage":{"prompt_tokens":7,"completion_tokens":%d}}'
    for count, expected in ((1, 1), (2, 2), (10, 10), (10**9, 10**9), (3, 3), (10**9 + 1, 3), (-1, 3), (4, 4)):
        piece = frame("a").replace(b"]}\n", (tail % count).encode() + b"\n")
        assert meter.feed(piece) == piece
        assert meter.usage is not None
        assert meter.usage.output_tokens == expected
    assert meter.take_texts() == ["a" * 8]


@pytest.mark.parametrize(
    "other",
    [
        told("b", (1, 2), more="7"),
        told("b", (1, 2)).replace(b": 1,", b": 01,"),
        told("b", (1, 2)).replace(b": 1,", b": 1.0,"),
        told("b", (1, 2)).replace(b": 1,", b": -1,"),
        told("b", (1, 2)).replace(b": 1,", b": ,"),
        told("b", (10**9, 2)),
        told("b", (1, 2)).replace(b'"index": 0', b'"index": 1'),
        told("b", (1, 2)).replace(b'"b"', b'"b\t"'),
        told("b\n", (1, 2)),
        told("", (1, 2)),
        told("b", (1, 2))[:-2],
        told("b", (1, 2), form="data: %s\n\n"),
    ],
)
def test_what_is_not_alike_where_counts_run(other: bytes) -> None:
    """Only the counts inside the usage may differ, and only where they are credible numbers."""
    alike = learn_counted(told("a", (5, 8)), "a", b'"usageMetadata"', MOST)
    assert alike is not None
    assert alike.texts_in(told("z", (0, 999_999_999)) + told("y", (12, 3))) == [b"z", b"y"]
    assert alike.last_in(told("z", (0, 9)) + told("y", (12, 3))) == told("y", (12, 3))
    assert alike.texts_in(other) == []
    assert alike.texts_in(told("z", (5, 8)) + other) == []
    assert learn_counted(told("a", (5, 8)), "a", b'"usage"', MOST) is None


def message(text: str, *, index: int = 0, padding: str | None = "abc", kind: str = "contentBlockDelta") -> bytes:
    """Give a delta of Converse."""
    body = {"contentBlockIndex": index, "delta": {"text": text}} | ({} if padding is None else {"p": padding})
    payload = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return encode({":event-type": kind, ":message-type": "event"}, payload)


MESSAGES = st.tuples(st.text(max_size=5), st.integers(0, 1), st.sampled_from([None, "", "ab", "\u00e9", '"']))


@given(st.lists(MESSAGES, max_size=20), st.booleans())
def test_messages_say_what_they_say_one_by_one(chunks: list[tuple[str, int, str | None]], joined: bool) -> None:
    """Of any run of messages the texts, the bound, the template and the bytes are those of meters that saw one each."""
    frames = [message(text, index=index, padding=padding) for text, index, padding in chunks]
    meter, expected = ConverseMeter(), dict[int, str]()
    passed = b"".join(meter.feed(piece) for piece in ([b"".join(frames)] if joined else frames))
    alone = [ConverseMeter() for _ in frames]
    assert passed == b"".join(one.feed(piece) for one, piece in zip(alone, frames, strict=True)) == b"".join(frames)
    assert meter.bound_tokens == sum(one.bound_tokens for one in alone)
    assert meter.template == (alone[-1].template if alone else None)
    for text, index, _ in chunks:
        if text:
            expected[index] = expected.get(index, "") + text
    assert meter.take_texts() == list(expected.values())


@pytest.mark.parametrize(
    "other",
    [
        message("b", index=1),
        message("b", kind="contentBlockStart"),
        message("b", padding=None),
        message("b", padding='"'),
        message('b"'),
        message(""),
        encode({}, message("b")[12:-4]),
    ],
)
def test_what_is_no_message_alike(other: bytes) -> None:
    """Other headers, another block, an escape: the message is not recognised."""
    alike = learn_message(message("a"), "a")
    assert alike is not None
    assert alike.text_in(message("\u00e9z", padding="x" * 40)) == "\u00e9z".encode()
    assert alike.text_in(other) == b""
