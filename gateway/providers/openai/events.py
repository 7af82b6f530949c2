"""Streams of typed events that tell their usage once, at the end; and that usage, of sounds, pictures, rankings.

The rule that matters: nobody says which event is the last. So one that looks final (it has the usage, or is `.done` or
`.completed`) waits until the next comes or the stream ends, and with the last of them the settlement is first.
"""

from collections.abc import Mapping
from typing import Any, TypeGuard

import msgspec

from gateway.model import Usage
from gateway.providers.decoding import opener
from gateway.providers.metering import SseMetering
from gateway.providers.sse import data_of

MAX_EVENT_BYTES = 32 << 20
"""An event may hold a whole picture in base64."""

_DONE = b"[DONE]"
_FINAL = (".done", ".completed")
_MOST_TOKENS = 10**9
_NAMES = (("input_tokens", "prompt_tokens"), ("output_tokens", "completion_tokens"), ("total_tokens",))
_INPUT_DETAILS = ("input_token_details", "input_tokens_details", "prompt_tokens_details")


class Event(msgspec.Struct, gc=False):
    """The fields of an event that metering reads; whatever types they came with."""

    type: Any = None
    delta: Any = None
    text: Any = None
    audio: Any = None
    choices: Any = None
    usage: Any = None
    error: Any = None


class Answer(msgspec.Struct, gc=False):
    """The fields of a whole answer that metering reads."""

    text: Any = None
    segments: Any = None
    usage: Any = None
    meta: Any = None


open_event = opener(Event)
open_answer = opener(Answer)


class EventMeter(SseMetering):
    """Meters events; a format says in `_receive` what one brings beside its usage."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        super().__init__(MAX_EVENT_BYTES)
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk of any size and give the bytes to forward now."""
        if self.ended:
            return b""
        return b"".join([self._next(frame) for frame in self._splitter.feed(chunk)])

    def _next(self, frame: bytes) -> bytes:
        """Give what passes now that this frame has come: what was held, unless it was the last or this says nothing."""
        held, self._held = self._held, b""
        if held and not data_of(frame):
            self._held = held + frame
            return b""
        if self._passes(frame):
            return held + frame
        if self.last and held:
            self.last = held + self.last
            return b""
        return held

    def finish(self) -> bytes:
        """Give, at the end of the stream, the bytes that were held back."""
        held, self._held = self._held, b""
        rest = super().finish()
        return held + self._held + rest

    def _take_data(self, data: bytes, frame: bytes) -> bool:
        if data == _DONE:
            return self._end(frame)
        event = open_event(data)
        if event is None:
            self._keep_unread(data)
            return True
        if event.error or event.type == "error":
            self.error_seen = True
        kind = event.type if type(event.type) is str else ""
        usage = usage_in(event.usage)
        if usage is not None:
            self.usage = usage
        self._receive(kind, event)
        if usage is None and not kind.endswith(_FINAL):
            return True
        self._held = frame
        return False

    def _receive(self, _kind: str, _event: Event) -> None:
        """Count what an event brings; of one that nobody reads, that it came."""
        self._keep_nothing()


def usage_in(raw: Any) -> Usage | None:
    """Read a usage: tokens under either pair of names, or a total alone, which is all input; a duration has no tokens.

    What the total has beyond both is input: Mistral's audio stands in no other number. Null, booleans, negative and
    absurd numbers are no usage.
    """
    if type(raw) is not dict:
        return None
    if raw.get("type") == "duration":
        return Usage()
    told = [next((raw[name] for name in names if raw.get(name) is not None), None) for names in _NAMES]
    if not all(number is None or is_count(number) for number in told):
        return None
    given, made, total = told
    if total is None:
        return None if given is None or made is None else _with_details(raw, given, made)
    if made is None:
        made = 0 if given is None else max(0, total - given)
    return _with_details(raw, max(given or 0, total - made), made)


def _with_details(raw: Mapping[str, Any], given: int, made: int) -> Usage:
    details: Mapping[str, Any] = next((raw[name] for name in _INPUT_DETAILS if type(raw.get(name)) is dict), {})
    numbers = (details.get(name) for name in ("cached_tokens", "audio_tokens"))
    cached, audio = (min(given, number) if is_count(number) else 0 for number in numbers)
    return Usage(given, made, cache_read_tokens=cached, input_audio_tokens=audio)


def is_count(number: Any) -> TypeGuard[int]:
    """Say whether a value is a credible number of tokens."""
    return type(number) is int and 0 <= number <= _MOST_TOKENS
