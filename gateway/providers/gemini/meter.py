"""The meters of a streamed answer: events, or a JSON array, of chunks that each tell the usage so far.

The rule that matters: nothing ends a stream of events but its last byte, so the newest chunk that says why a candidate
finished waits: for the next one, or for the end.
"""

import re

from gateway.model import Call, Usage
from gateway.providers.gemini.array import ArraySplitter, element_of
from gateway.providers.gemini.parts import INLINE
from gateway.providers.gemini.texts import Piece, parts_of, pieces
from gateway.providers.gemini.usage import open_chunk, reported
from gateway.providers.metering import AlikeMetering, Framing
from gateway.providers.sse import Splitter, data_of

MOST_CHUNK_BYTES = 16 << 20
"""A chunk may hold a whole image: a larger one is not read, and counts as if it were text."""

_CLOSING = b"]"
_USAGE = b'"usageMetadata"'
_JSON = re.compile(rb"\s*[\[{]")
_MEDIA_BYTES_PER_TOKEN = 64
"""Far fewer than any image or sound has: 1,290 tokens stand for an image of a megabyte, 32 for a second of 48 kB
(https://ai.google.dev/gemini-api/docs/pricing)."""


def meter(call: Call) -> "StreamMeter":
    """Make the meter of one stream."""
    return EventMeter() if call.query else ArrayMeter()


class StreamMeter(AlikeMetering):
    """What the meters of both framings do."""

    __slots__ = ("_held",)

    def __init__(self, framing: Framing) -> None:
        super().__init__(framing, MOST_CHUNK_BYTES)
        self._held = b""

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk and give the bytes to forward now; what may be the last of the answer waits."""
        if self._alike is not None and not self.ended and self._splitter.is_between_frames and self._goes_on(chunk):
            held, self._held = self._held, b""
            return held + chunk
        return b"".join([self._passed(frame) for frame in self._splitter.feed(chunk)])

    def finish(self) -> bytes:
        """Give, at the end of the stream, the bytes that were held back."""
        held, self._held = self._held, b""
        rest = super().finish()
        return b"".join((held, rest, self._held))

    def _passed(self, frame: bytes) -> bytes:
        """Read one frame; give what goes to the client now: what waited for it, and itself unless it waits."""
        held, self._held = self._held, b""
        passes = self._passes(frame)
        if self.ended:
            self.last = held + self.last
            return b""
        return held + frame if passes else held

    def _take_chunk(self, data: bytes, frame: bytes) -> bool:
        chunk = open_chunk(data)
        if chunk is None:
            self._keep_unread(data)
            return True
        if chunk.error:
            self.error_seen = True
        usage = reported(chunk.usageMetadata)
        if usage is not None:
            self.usage, self.thinking_told = usage, True
        if self.template is None:
            self.template = data
        unread = self.unread_tokens
        has_finished, said = self._receive(chunk.candidates)
        if has_finished:
            self._held = frame
        elif len(said) == 1 and usage is not None and not chunk.error and self.unread_tokens == unread:
            self._learn(frame, *said[0], _USAGE)
        return not has_finished

    def _usage_in(self, frame: bytes) -> Usage | None:
        chunk = open_chunk(data_of(frame) or element_of(frame))
        return None if chunk is None else reported(chunk.usageMetadata)

    def _receive(self, candidates: object) -> tuple[bool, list[Piece]]:
        """Keep what candidates say; say whether one has finished, and what was kept."""
        has_finished = False
        for candidate in candidates if type(candidates) is list else ():
            if type(candidate) is dict:
                has_finished |= bool(candidate.get("finishReason"))
                self._receive_media(candidate)
        said = pieces(candidates)
        for channel, text in said:
            self._keep(channel, text)
        if not said:
            self._keep_nothing()
        return has_finished, said

    def _receive_media(self, candidate: dict[str, object]) -> None:
        for part in parts_of(candidate):
            blob = part.get(INLINE)
            if type(blob) is dict:
                self.unread_tokens += 1 + len(str(blob.get("data"))) // _MEDIA_BYTES_PER_TOKEN


class EventMeter(StreamMeter):
    """Meters server-sent events (`alt=sse`)."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(Splitter(MOST_CHUNK_BYTES))

    def _take_frame(self, frame: bytes) -> bool:
        # A server that answers no events counts too: its object is read, an array of them counts as if it were text.
        data = data_of(frame) or (element_of(frame) if _JSON.match(frame) else b"")
        return not data or self._take_chunk(data, frame)


class ArrayMeter(StreamMeter):
    """Meters the elements of an array; its closing bracket ends the answer."""

    __slots__ = ("_has_begun",)

    def __init__(self) -> None:
        super().__init__(ArraySplitter(MOST_CHUNK_BYTES))
        self._has_begun = False

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk and give the bytes to forward now."""
        passed = super().feed(chunk)
        self._has_begun |= bool(passed)
        return passed

    def closing(self, frames: bytes) -> bytes:
        """Give what ends a stream with elements of ours, each of them behind a comma: the array stays one."""
        return (frames if self._has_begun else b"[" + frames.lstrip(b",")) + _CLOSING

    def _take_frame(self, frame: bytes) -> bool:
        element = element_of(frame)
        if element == _CLOSING:
            return self._end(frame)
        return not element or self._take_chunk(element, frame)
