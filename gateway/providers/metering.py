"""A stream's meter: what passes to the client now, what the provider reported, what was received.

The rules that matter:

1. Bytes pass as they came. Three things do not: a usage frame that we asked for and the client did not, a partial frame
   (until it is complete), and what ends the answer (kept in `last` until the call is settled).
2. Usage: the last one that is not null wins; nothing is ever added up.
3. Received text is never counted below what came. tokens <= texts taken + `unread_tokens` + `bound_tokens`, for a token
   covers at least one byte of UTF-8; what cannot be read counts as if it were all text.
"""

from abc import ABC, abstractmethod
from collections.abc import Hashable
from io import StringIO
from typing import Protocol

from gateway.model import Usage
from gateway.providers.alike import Alike, learn, learn_counted
from gateway.providers.sse import MAX_FRAME_BYTES, Fragment, Splitter, data_of

MAX_PENDING_BYTES = 1 << 20
"""How much text waits for `take_texts`; above it only its bytes are counted (no model writes as much in one answer)."""

TRIES = 64
"""How many frames of a stream are looked at to learn what is alike; where none ever is, that is not tried for ever."""

UNREADABLE = ("unreadable",)
"""The channel of what is no JSON."""


class Framing(Protocol):
    """Cuts bytes into frames that joined are the bytes; `gateway.providers.sse.Splitter` is the commonest."""

    @property
    def is_between_frames(self) -> bool:
        """Whether nothing is held back."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """Give the frames that this chunk completes."""

    def flush(self) -> bytes:
        """Give what is left when the stream ends."""


class Metering(ABC):
    """What every meter does; a wire format says in `_take_frame` what a frame means.

    `usage` is what the provider reported so far, `ended` whether the frame came that ends the answer, `last` the bytes
    to send after settlement, `error_seen` whether the provider reported an error in the stream, `template` the first
    chunk's data (for `cut_frame`), `thinking_told` whether `usage` holds the thinking so far. `bound_tokens` bounds
    what was received since the last `take_texts`, `unread_tokens` what could not be kept for it (it is never
    reset).
    """

    __slots__ = (
        "_run",
        "_run_channel",
        "_splitter",
        "_texts",
        "bound_tokens",
        "ended",
        "error_seen",
        "last",
        "template",
        "thinking_told",
        "unread_tokens",
        "usage",
    )

    def __init__(self, framing: Framing) -> None:
        self._splitter = framing
        self._texts: dict[Hashable, StringIO] = {}
        self._run: list[bytes] = []
        self._run_channel: Hashable = None
        self.usage: Usage | None = None
        self.ended = False
        self.last = b""
        self.error_seen = False
        self.template: bytes | None = None
        self.thinking_told = False
        self.bound_tokens = 0
        self.unread_tokens = 0

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk of any size and give the bytes to forward now: the chunk itself when nothing is held back."""
        if self.ended:
            return b""
        was_between = self._splitter.is_between_frames
        frames = self._splitter.feed(chunk)
        passed = [frame for frame in frames if self._passes(frame)]
        if len(passed) == 1:
            return passed[0]
        if was_between and len(passed) == len(frames) and self._splitter.is_between_frames:
            return chunk
        return b"".join(passed)

    def finish(self) -> bytes:
        """Give, at the end of a stream that did not say so itself, the bytes that were held back."""
        rest = self._splitter.flush()
        if self.ended or not rest:
            return b""
        return rest if self._passes(rest) else b""

    def closing(self, frames: bytes) -> bytes:
        """Give the bytes that end a stream with these frames of ours, after what has passed."""
        return frames

    def take_texts(self) -> list[str]:
        """Give the texts generated since the last call, one per channel, and start `bound_tokens` again."""
        self._write_run()
        texts = [text.getvalue() for text in self._texts.values()]
        self._texts.clear()
        self.bound_tokens = 0
        return texts

    def _passes(self, frame: bytes) -> bool:
        """Read one frame; say whether it goes to the client now."""
        if self.ended:
            return False
        if type(frame) is Fragment:
            self.unread_tokens += len(frame)
            return True
        return self._take_frame(frame)

    @abstractmethod
    def _take_frame(self, frame: bytes) -> bool:
        """Read one whole frame; say whether it goes to the client now."""

    def _end(self, frame: bytes) -> bool:
        """Note the frame that ends the answer: it waits for the settlement."""
        self.ended, self.last = True, frame
        return False

    def _keep(self, channel: Hashable, text: str) -> None:
        """Remember a generated text; those of one channel (a choice's answer, its reasoning ...) are one text."""
        self._write_run()
        self._write(channel, text)
        self._came(len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass")))

    def _write_run(self) -> None:
        if self._run:
            text = b"".join(self._run).decode("utf-8", "replace")
            self._run = []
            self._write(self._run_channel, text)

    def _write(self, channel: Hashable, text: str) -> None:
        kept = self._texts.get(channel)
        if kept is None:
            kept = self._texts[channel] = StringIO()
        kept.write(text)

    def _came(self, size_bytes: int) -> None:
        """Count text that is kept; too much of it is let go, and its bytes stay counted."""
        self.bound_tokens += size_bytes
        if self.bound_tokens > MAX_PENDING_BYTES:
            self.unread_tokens += self.bound_tokens
            self.take_texts()

    def _keep_unread(self, data: bytes) -> None:
        """Count what cannot be read as if it were all text."""
        self._keep(UNREADABLE, data.decode("utf-8", "replace"))

    def _keep_nothing(self) -> None:
        """Count a chunk without a text as one token: it may be invisible, or the first bytes of a character."""
        self.bound_tokens += 1


class AlikeMetering(Metering):
    """A meter that recognises frames.

    Most frames of a stream differ in their text alone, or in that and the usage so far. A format that shows such a
    frame to `_learn` is not asked again about those that are alike: their texts are `_run`, all of the channel
    `_run_channel`; the last that told a usage is read by `_usage_in` when somebody asks for it.
    """

    __slots__ = ("_alike", "_most_frame_bytes", "_telling", "_tries", "_usage")

    def __init__(self, framing: Framing, most_frame_bytes: int) -> None:
        self._usage: Usage | None = None
        self._telling = b""
        super().__init__(framing)
        self._most_frame_bytes = most_frame_bytes
        self._alike: Alike | None = None
        self._tries = TRIES

    @property
    def usage(self) -> Usage | None:
        """What the provider reported so far."""
        if self._telling and self._alike is not None:
            self._usage = self._usage_in(self._alike.last_in(self._telling)) or self._usage
            self._telling = b""
        return self._usage

    @usage.setter
    def usage(self, usage: Usage | None) -> None:
        self._usage, self._telling = usage, b""

    def _usage_in(self, frame: bytes) -> Usage | None:  # noqa: ARG002 - for those that do
        """Read the usage that a frame tells; None where a format's frames never do."""
        return None

    def _passes(self, frame: bytes) -> bool:
        is_whole = type(frame) is not Fragment and not self.ended
        return (is_whole and self._goes_on(frame)) or super()._passes(frame)

    def _goes_on(self, frames: bytes) -> bool:
        """Keep the texts of frames that are like the ones before them; say whether they are."""
        alike = self._alike
        if alike is None:
            return False
        texts = alike.texts_in(frames)
        for text in texts:
            self._run.append(text)
            self._came(len(text))
        if texts and alike.tells_usage:
            self._telling = frames
        return bool(texts)

    def _learn(self, frame: bytes, channel: Hashable, text: str, usage: bytes = b"") -> None:
        """Remember a frame that says nothing but one text, and the usage so far under this key, for those like it."""
        if self._tries == 0:
            return
        self._tries -= 1
        most = self._most_frame_bytes
        found = learn_counted(frame, text, usage, most) if usage else learn(frame, text, most)
        if found is not None:
            self._write_run()
            self.usage = self.usage
            self._alike, self._run_channel = found, channel


class SseMetering(AlikeMetering):
    """The meter of server-sent events; a wire format says in `_take_data` what an event's data mean."""

    __slots__ = ()

    def __init__(self, most_frame_bytes: int = MAX_FRAME_BYTES) -> None:
        super().__init__(Splitter(most_frame_bytes), most_frame_bytes)

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk of any size and give the bytes to forward now: the chunk itself when nothing is held back."""
        if self._alike is not None and not self.ended and self._splitter.is_between_frames and self._goes_on(chunk):
            return chunk
        return super().feed(chunk)

    def _take_frame(self, frame: bytes) -> bool:
        data = data_of(frame)
        return not data or self._take_data(data, frame)

    @abstractmethod
    def _take_data(self, data: bytes, frame: bytes) -> bool:
        """Read an event's data; say whether the frame that they stand in goes to the client now."""
