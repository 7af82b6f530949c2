"""Streams of sounds, transcripts and pictures: what passes when, what is counted, what was reported."""

import base64
import itertools
import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Call, Endpoint, Usage
from gateway.providers.dialect import FORMATS
from gateway.providers.format import Meter
from tests.providers.media_formats.calls import asked
from tests.providers.shapes import Shape
from tests.providers.shapes.openai_media import SHAPES

STREAMS = [one for one in SHAPES if one.stream]
SSE = {"stream_format": "sse"}


def metered(call: Call, body: bytes, cuts: list[int] | None = None) -> tuple[Meter, bytes]:
    """Run a stream, cut at these places, through its meter; gives the meter and all that passed."""
    meter = FORMATS[call.endpoint].meter(call)
    places = [0, *sorted({cut % (len(body) + 1) for cut in cuts or []}), len(body)]
    passed = [meter.feed(body[start:end]) for start, end in itertools.pairwise(places)]
    return meter, b"".join((*passed, meter.finish(), meter.last))


def frame(**event: Any) -> bytes:
    """Give one event."""
    return b"data: " + json.dumps(event).encode() + b"\n\n"


def delta(text: str) -> bytes:
    """Give a piece of a transcript."""
    return frame(type="transcript.text.delta", delta=text)


DONE = frame(type="transcript.text.done", text="I see", usage={"input_tokens": 14, "output_tokens": 2})


@pytest.mark.parametrize("shape", STREAMS, ids=lambda shape: shape.name)
def test_documented_streams(shape: Shape) -> None:
    """Each passes byte for byte and gives its usage."""
    meter, passed = metered(asked(Endpoint(shape.endpoint)), shape.body)
    assert passed == shape.body
    assert meter.usage == shape.usage
    assert not meter.error_seen


@pytest.mark.parametrize("shape", STREAMS, ids=lambda shape: shape.name)
@given(st.lists(st.integers(0, 10_000), max_size=8))
def test_any_split_gives_the_same(shape: Shape, cuts: list[int]) -> None:
    """Bytes, usage, texts and tokens do not depend on how the network cut the stream."""
    call = asked(Endpoint(shape.endpoint))
    whole, bytes_of_whole = metered(call, shape.body)
    meter, passed = metered(call, shape.body, cuts)
    assert passed == bytes_of_whole
    assert (meter.usage, meter.bound_tokens, meter.unread_tokens) == (
        whole.usage,
        whole.bound_tokens,
        whole.unread_tokens,
    )
    assert meter.take_texts() == whole.take_texts()


# ---------------------------------------------------------------- what waits


@pytest.mark.parametrize("ending", [b"", b"data: [DONE]\n\n", b": bye\n\n", b": bye\n\ndata: [DONE]\n\n"])
def test_what_ends_a_transcript_waits_for_the_settlement(ending: bytes) -> None:
    """The event with the usage passes only when the stream has ended, whatever says so."""
    meter = FORMATS[Endpoint.TRANSCRIPTIONS].meter(asked(Endpoint.TRANSCRIPTIONS, stream="true"))
    assert meter.feed(delta("I see")) == delta("I see")
    assert meter.feed(DONE) + meter.feed(ending) == b""
    assert meter.usage == Usage(14, 2)
    assert meter.finish() + meter.last == DONE + ending


def test_what_only_looked_final_passes_with_the_next() -> None:
    """Two pictures complete one after the other, in order; the last usage counts."""
    first = frame(type="image_generation.completed", b64_json="AA==", usage={"input_tokens": 5, "output_tokens": 272})
    last = frame(type="image_generation.completed", b64_json="AA==", usage={"input_tokens": 5, "output_tokens": 544})
    meter = FORMATS[Endpoint.IMAGES].meter(asked(Endpoint.IMAGES, stream=True))
    assert meter.feed(first) == b""
    assert meter.feed(last) == first
    assert meter.finish() == last
    assert meter.usage == Usage(5, 544)


def test_nothing_comes_after_the_end() -> None:
    """What a server says after `[DONE]` does not pass."""
    meter, passed = metered(asked(Endpoint.TRANSCRIPTIONS), DONE + b"data: [DONE]\n\n" + delta("more"))
    assert passed == DONE + b"data: [DONE]\n\n"
    assert meter.take_texts() == ["I see"]


# ---------------------------------------------------------------- transcripts


@pytest.mark.parametrize(
    ("body", "texts"),
    [
        (delta("I") + delta(" see") + DONE, ["I see"]),
        (frame(type="transcript.text.done", text="I see"), ["I see"]),
        (
            delta("I see") + frame(type="transcript.text.segment", text="I see") + frame(type="transcript.text.done"),
            ["I see"],
        ),
        (frame(type="transcription.text.delta", text="Hi") + frame(type="transcription.done", text="Hi"), ["Hi"]),
        (
            frame(object="transcription.chunk", choices=[{"delta": {"content": "Hi"}}])
            + frame(choices=[], usage={"prompt_tokens": 9, "completion_tokens": 1}),
            ["Hi"],
        ),
        (b"data: <html>\n\n", ["<html>"]),
    ],
)
def test_texts_are_kept_once(body: bytes, texts: list[str]) -> None:
    """OpenAI's, Mistral's and vLLM's events; what the end repeats is not counted twice."""
    meter, passed = metered(asked(Endpoint.TRANSCRIPTIONS, stream="true"), body)
    assert passed == body
    assert meter.bound_tokens >= len(texts[0])
    assert meter.take_texts() == texts


def test_an_error_is_seen() -> None:
    """Either as an object or as a type of its own."""
    for event in (frame(error={"message": "no"}), frame(type="error", message="no")):
        assert metered(asked(Endpoint.TRANSCRIPTIONS), event)[0].error_seen


# ---------------------------------------------------------------- pictures


def test_a_picture_is_charged_whole_from_its_first_event_on() -> None:
    """A client that leaves after a partial picture has had it made; the usage that is told replaces what is assumed."""
    call = asked(Endpoint.IMAGES, stream=True, size="1024x1024", quality="low", partial_images=2)
    partial = frame(type="image_generation.partial_image", b64_json="AA==", partial_image_index=0)
    meter, _ = metered(call, partial)
    assert meter.usage == Usage(output_tokens=472, estimated=True)
    told = frame(type="image_generation.completed", usage={"input_tokens": 5, "output_tokens": 372})
    assert metered(call, partial + told)[0].usage == Usage(5, 372)


# ---------------------------------------------------------------- speech


def mp3(frames: int, kbits: int = 160) -> bytes:
    """Give frames of MPEG-2 layer III at 24 kHz, 24 ms each."""
    index = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160).index(kbits) + 1
    head = bytes((0xFF, 0xF3, index << 4 | 1 << 2, 0xC4))
    return (head + bytes(72 * kbits * 1000 // 24_000 - 4)) * frames


def adts(frames: int) -> bytes:
    """Give frames of AAC at 24 kHz, 1,024 samples each."""
    length = 200
    head = bytes((0xFF, 0xF1, 6 << 2 | 1 << 6, length >> 11, length >> 3 & 0xFF, (length & 7) << 5 | 0x1F, 0xFC))
    return (head + bytes(length - 7)) * frames


def ogg(seconds: int) -> bytes:
    """Give pages of a second each."""
    pages = ((at * 48_000).to_bytes(8, "little") for at in range(seconds + 1))
    return b"".join(b"OggS\0\0" + position + bytes(12) + b"\1\x7f" + bytes(2_000) for position in pages)


WAV = b"RIFF\xff\xff\xff\xffWAVEfmt " + bytes(28)


@pytest.mark.parametrize(
    ("asked_for", "sound", "seconds"),
    [
        ("mp3", mp3(1_000), 24.0),
        (None, mp3(500, 64), 12.0),
        ("mp3", b"ID3" + bytes(37) + mp3(1_000), 24.0),
        ("mp3", mp3(250) + b"junk!" + mp3(250), 12.0),
        ("aac", adts(469), 469 * 1024 / 24_000),
        ("opus", ogg(20), 20.0),
        ("wav", WAV + bytes(480_000), 10.0),
        ("pcm", bytes(480_000), 10.0),
        ("pcm", b"data" + bytes(479_996), 10.0),
        ("flac", b"fLaC" + bytes(119_996), 10.0),
        ("mp3", WAV + bytes(480_000), 10.0),
    ],
)
def test_a_sound_is_charged_by_its_length(asked_for: str | None, sound: bytes, seconds: float) -> None:
    """1,250 tokens a minute: by its frames where they tell, else by its bytes; a little more, never less."""
    call = asked(Endpoint.SPEECH, response_format=asked_for)
    meter, passed = metered(call, sound)
    assert passed == sound
    assert meter.usage is None
    assert math.ceil(seconds * 125 / 6 - 0.001) <= meter.unread_tokens <= seconds * 125 / 6 + 3


@pytest.mark.parametrize("sound", [mp3(9), adts(9), ogg(2), b"ID3\x04" + mp3(4) + b"OggS\xff" * 9, bytes(99)])
@given(cuts=st.lists(st.integers(0, 30_000), max_size=8))
def test_any_split_of_a_sound_gives_the_same_length(sound: bytes, cuts: list[int]) -> None:
    """Frames and pages are found across chunks."""
    call = asked(Endpoint.SPEECH, response_format="opus" if sound.startswith(b"OggS") else "mp3")
    meter, passed = metered(call, sound, cuts)
    assert passed == sound
    assert meter.unread_tokens == metered(call, sound)[0].unread_tokens


@given(st.binary(max_size=400), st.sampled_from(["mp3", "aac", "opus", "wav", "flac", "pcm", "new"]))
def test_any_bytes_pass(sound: bytes, asked_for: str) -> None:
    """Garbage passes as it came, and counts."""
    meter, passed = metered(asked(Endpoint.SPEECH, response_format=asked_for), sound)
    assert passed == sound
    assert meter.unread_tokens > 0 or not sound or sound.startswith((b"data:", b"event:"))


def test_a_sound_is_never_held_back() -> None:
    """But for a beginning that may still be that of events."""
    meter = FORMATS[Endpoint.SPEECH].meter(asked(Endpoint.SPEECH))
    assert meter.feed(b"dat") == b""
    assert meter.feed(b"\x00\x00\x00") == b"dat\x00\x00\x00"
    assert meter.feed(b"x") == b"x"
    assert meter.closing(b"data: error") == b""


def test_events_with_sound_are_charged_by_what_they_tell() -> None:
    """The usage at the end; without it, the sound that was in them; and an error can be told in them."""
    sound = frame(type="speech.audio.delta", audio=base64.b64encode(bytes(48_000)).decode())
    call = asked(Endpoint.SPEECH, response_format="pcm", **SSE)
    meter, passed = metered(call, sound * 3)
    assert passed == sound * 3
    assert (meter.usage, meter.unread_tokens) == (None, 63)
    assert meter.closing(b"data: error") == b"data: error"
    end = frame(type="speech.audio.done", usage={"input_tokens": 14, "output_tokens": 60, "total_tokens": 74})
    assert metered(call, sound * 3 + end)[0].usage == Usage(14, 60)


def test_billed_characters_are_known_from_the_start() -> None:
    """`tts-1` says nothing, and needs to say nothing; its sound is not counted."""
    meter, _ = metered(asked(Endpoint.SPEECH, model="tts-1", input="Grüß dich"), mp3(100))
    assert (meter.usage, meter.unread_tokens) == (Usage(9, 0), 0)
