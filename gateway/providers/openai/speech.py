"""Speech: a text goes in, a sound flows out, as bare bytes or as events.

The rule that matters: the sound passes as it comes. Bare bytes tell no usage, so they are charged by their length,
never below the truth; and nothing can be told in them, so one that breaks off ends with a broken connection.
(https://platform.openai.com/docs/api-reference/audio/createSpeech)
"""

import base64
import binascii
import math
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from gateway.model import Call, Request, Route, Usage
from gateway.providers.decoding import decode
from gateway.providers.fields import invalid, optional, required, wrong_type
from gateway.providers.format import JSON as TAKES
from gateway.providers.headers import forward_headers
from gateway.providers.openai.endings import error_event
from gateway.providers.openai.events import MAX_EVENT_BYTES, Event, EventMeter, open_answer, usage_in
from gateway.providers.openai.reading import read_model, read_purpose
from gateway.providers.openai.refusals import MEDIA, refuse
from gateway.providers.openai.sending import outgoing_renamed as outgoing
from gateway.providers.openai.sound import Clock, clock_of
from gateway.providers.sse import Splitter

__all__ = [
    "TAKES",
    "answer_texts",
    "cut_frame",
    "error_event",
    "is_stream",
    "is_visible",
    "meter",
    "outgoing",
    "prompt",
    "prompt_texts",
    "read",
    "usage_of",
]

# $12 a million tokens of sound, $0.015 a minute (https://platform.openai.com/docs/pricing, gpt-4o-mini-tts).
TOKENS_PER_SECOND = Fraction(1250, 60)
SLOWEST_BYTES_PER_SECOND = 10
"""What a slow voice speaks in a second, in UTF-8: a hundred English words a minute, three ideographs a second."""

_PAUSE_SECONDS = 2
_MOST_CHARACTERS = 100_000
_SLOWEST_SPEED, _FASTEST_SPEED = 0.25, 4.0
# "per 1M characters" (https://platform.openai.com/docs/pricing, tts-1 and tts-1-hd)
_BILLS_CHARACTERS = re.compile(r"(^|/)tts-1")
_CHARACTERS_AT_A_TIME = 3
_EVENTS = (b"data:", b"event:")
_TELLING_BYTES = 6


def read(request: Request) -> Call:
    """Decode and understand a request; it is always answered by a stream. Raises BadRequest naming the field."""
    body = decode(request.body)
    model = read_model(body, request.params)
    refuse(body, MEDIA)
    spoken = required(body, "input", str)
    if len(spoken) > _MOST_CHARACTERS:
        raise invalid("input", f"it has over {_MOST_CHARACTERS} characters")
    for name in ("instructions", "response_format", "stream_format"):
        optional(body, name, str)
    return Call(
        id=request.call_id,
        endpoint=request.endpoint,
        body=body,
        body_bytes=len(request.body),
        model=model,
        stream=True,
        wants_usage=True,
        output_bound=0 if _BILLS_CHARACTERS.search(model) else _sound_tokens(spoken, _speed(body)),
        choices=1,
        can_cap=False,
        session=request.session,
        purpose=read_purpose(body),
        user=optional(body, "user", str),
        headers=forward_headers(request.headers),
        thinks=False,
        is_bounded=False,
    )


def _speed(body: Mapping[str, Any]) -> float:
    speed = body.get("speed")
    if speed is None:
        return 1.0
    if type(speed) is not int and type(speed) is not float:
        raise wrong_type("speed", "a number", speed)
    if not _SLOWEST_SPEED <= speed <= _FASTEST_SPEED:
        raise invalid("speed", f"it is from {_SLOWEST_SPEED} to {_FASTEST_SPEED}")
    return float(speed)


def _sound_tokens(spoken: str, speed: float) -> int:
    seconds = len(spoken.encode("utf-8", "surrogatepass")) / SLOWEST_BYTES_PER_SECOND / min(1.0, speed)
    return _tokens(seconds + _PAUSE_SECONDS)


def _tokens(seconds: float) -> int:
    return math.ceil(seconds * TOKENS_PER_SECOND)


def is_visible(_call: Call, _route: Route) -> bool:
    """Say no: nothing caps what is sent, so all that may come is held at once."""
    return False


def prompt(call: Call) -> Any:
    """Give what is spoken and how; where characters are billed, in pieces of as many tokens at least."""
    body = call.body
    if not _BILLS_CHARACTERS.search(call.model):
        return {name: body[name] for name in ("input", "instructions") if name in body}
    spoken, step = body["input"], _CHARACTERS_AT_A_TIME
    return {"input": [spoken[at : at + step] for at in range(0, len(spoken), step)]}


def prompt_texts(call: Call) -> Iterable[str]:
    """Give the text to speak."""
    return [call.body["input"]]


def _characters(call: Call) -> Usage | None:
    return Usage(len(call.body["input"])) if _BILLS_CHARACTERS.search(call.model) else None


def usage_of(call: Call, body: bytes) -> Usage | None:
    """Give the characters, where they are what is billed; else the usage of a server that answers in JSON."""
    answer = open_answer(body)
    return _characters(call) or (None if answer is None else usage_in(answer.usage))


def answer_texts(_call: Call, _body: bytes) -> list[str]:
    """Give nothing: a sound has no text."""
    return []


def is_stream(content_type: str) -> bool:
    """Say that an answer flows, whatever it is called, if it is not JSON."""
    return not content_type.startswith(TAKES)


class SoundOrEvents:
    """Cuts events into frames, and passes a sound as it comes; its first bytes say which of them it is."""

    def __init__(self) -> None:
        self.is_sound: bool | None = None
        self.head = b""
        self._events = Splitter(MAX_EVENT_BYTES)

    @property
    def is_between_frames(self) -> bool:
        """Whether nothing is held back."""
        return self._events.is_between_frames if self.is_sound is False else bool(self.is_sound)

    def feed(self, chunk: bytes) -> list[bytes]:
        """Give the frames that this chunk completes."""
        if self.is_sound is None:
            chunk = self.head = self.head + chunk
            if len(chunk) < _TELLING_BYTES:
                return []
            self.is_sound = not chunk.startswith(_EVENTS)
        if self.is_sound:
            return [chunk] if chunk else []
        return self._events.feed(chunk)

    def flush(self) -> bytes:
        """Give what is left when the stream ends."""
        if self.is_sound is None:
            self.is_sound = True
            return self.head
        return b"" if self.is_sound else self._events.flush()


class SpeechMeter(EventMeter):
    """Meters a sound by its length until a usage is told."""

    __slots__ = ("_asked", "_clock", "_framing", "_is_counted")

    def __init__(self, call: Call) -> None:
        super().__init__()
        self._splitter = self._framing = SoundOrEvents()
        self._asked: str | None = call.body.get("response_format")
        self._clock: Clock | None = None
        self.usage = _characters(call)
        self._is_counted = self.usage is None

    def closing(self, frames: bytes) -> bytes:
        """Give nothing where a sound flows: it would be heard."""
        return b"" if self._framing.is_sound else frames

    def _take_frame(self, frame: bytes) -> bool:
        if self._framing.is_sound:
            self._hear(frame)
            return True
        return super()._take_frame(frame)

    def _receive(self, _kind: str, event: Event) -> None:
        if type(event.audio) is str:
            try:
                self._hear(base64.b64decode(event.audio))
            except (binascii.Error, ValueError):
                self._hear(bytes(len(event.audio)))
        else:
            self._keep_nothing()

    def _hear(self, sound: bytes) -> None:
        if not self._is_counted:
            return
        if self._clock is None:
            self._clock = clock_of(sound, self._asked)
        self._clock.feed(sound)
        self.unread_tokens = _tokens(self._clock.seconds)


def meter(call: Call) -> SpeechMeter:
    """Make the meter of one stream."""
    return SpeechMeter(call)


def cut_frame(_call: Call, _template: bytes | None) -> bytes:
    """Give nothing: no event says that a speech is cut; the error that follows does."""
    return b""
