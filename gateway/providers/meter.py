"""A stream's meter: what passes to the client now, what the provider reported, what was received.

The rules that matter:

1. Bytes pass as they came. Three things do not: the usage frame that we asked for and the client did not, a partial
   frame (until it is complete), and what ends the answer (`[DONE]`, kept in `last` until the call is settled).
2. Usage: the last one that is not null wins; nothing is ever added up.
3. Received text is never counted below what came. tokens <= texts taken + `unread_tokens` + `bound_tokens`, for a token
   covers at least one byte of UTF-8; what cannot be read counts as if it were all text.
"""

from io import StringIO
from typing import Any

from gateway.model import Endpoint, Usage
from gateway.providers.decoding import open_envelope
from gateway.providers.sse import Fragment, Splitter, data_of
from gateway.providers.texts import Channel, pieces
from gateway.providers.usage import reported

MAX_PENDING_BYTES = 1 << 20
"""How much text waits for `take_texts`; above it only its bytes are counted (no model writes as much in one answer)."""

_DONE = b"[DONE]"
_UNREADABLE: Channel = ("unreadable",)


class StreamMeter:
    """Meters one stream of chat or legacy completions in OpenAI's wire format.

    `usage` is what the provider reported so far, `ended` whether `[DONE]` came, `last` the bytes to send after
    settlement, `error_seen` whether the provider reported an error in the stream, `template` the first chunk's JSON
    (for `cut_frame`). `bound_tokens` bounds what was received since the last `take_texts`, `unread_tokens` what could
    not be kept for it (it is never reset).
    """

    __slots__ = (
        "_endpoint",
        "_hide_usage",
        "_splitter",
        "_texts",
        "bound_tokens",
        "ended",
        "error_seen",
        "last",
        "template",
        "unread_tokens",
        "usage",
    )

    def __init__(self, endpoint: Endpoint, *, hide_usage: bool) -> None:
        self._endpoint = endpoint
        self._hide_usage = hide_usage
        self._splitter = Splitter()
        self._texts: dict[Channel, StringIO] = {}
        self.usage: Usage | None = None
        self.ended = False
        self.last = b""
        self.error_seen = False
        self.template: bytes | None = None
        self.bound_tokens = 0
        self.unread_tokens = 0

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk of any size and give the bytes to forward now: the chunk itself when nothing is held back."""
        if self.ended:
            return b""
        was_between = self._splitter.is_between_frames
        frames = self._splitter.feed(chunk)
        passed = [frame for frame in frames if self._take(frame)]
        if len(passed) == 1:
            return passed[0]
        if was_between and len(passed) == len(frames) and self._splitter.is_between_frames:
            return chunk
        return b"".join(passed)

    def finish(self) -> bytes:
        """Give, at the end of a stream without `[DONE]`, the bytes of its last frame, which had no blank line."""
        rest = self._splitter.flush()
        if self.ended or not rest:
            return b""
        return rest if self._take(rest) else b""

    def take_texts(self) -> list[str]:
        """Give the texts generated since the last call, one per choice and kind, and start `bound_tokens` again."""
        texts = [text.getvalue() for text in self._texts.values()]
        self._texts.clear()
        self.bound_tokens = 0
        return texts

    def _take(self, frame: bytes) -> bool:
        """Read one frame; say whether it goes to the client now."""
        if self.ended:
            return False
        if type(frame) is Fragment:
            self.unread_tokens += len(frame)
            return True
        data = data_of(frame)
        if data == _DONE:
            self.ended, self.last = True, frame
            return False
        return not data or self._take_data(data)

    def _take_data(self, data: bytes) -> bool:
        envelope = open_envelope(data)
        if envelope is None:
            self._keep(_UNREADABLE, data.decode("utf-8", "replace"))
            return True
        if envelope.error:
            self.error_seen = True
        usage = reported(self._endpoint, envelope)
        if usage is not None:
            self.usage = usage
        if not envelope.choices:
            return not (self._hide_usage and envelope.usage) or bool(envelope.error)
        if self.template is None:
            self.template = data
        self._receive(envelope.choices)
        return True

    def _receive(self, choices: Any) -> None:
        found = pieces(choices)
        for channel, text in found:
            self._keep(channel, text)
        if not found:
            self.bound_tokens += 1  # a token may be invisible, or the first bytes of a character

    def _keep(self, channel: Channel, text: str) -> None:
        self.bound_tokens += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        kept = self._texts.get(channel)
        if kept is None:
            kept = self._texts[channel] = StringIO()
        kept.write(text)
        if self.bound_tokens > MAX_PENDING_BYTES:
            self.unread_tokens += self.bound_tokens
            self.take_texts()
