"""The meter of a stream of messages: `message_start`, blocks, `message_delta`, `message_stop`.

The rule that matters: the output that `message_start` tells is a placeholder. A stream that ends without a
`message_delta` has reported nothing, and what came is counted.
"""

from collections.abc import Iterable
from typing import Any

from gateway.model import Call
from gateway.providers.anthropic.events import Event, open_event
from gateway.providers.anthropic.texts import Piece, is_output, of_block, of_delta
from gateway.providers.anthropic.usage import Raw, has_output, merged, reported
from gateway.providers.metering import SseMetering
from gateway.providers.sse import data_of

MAX_EVENT_BYTES = 16 << 20
"""A document that a tool fetched comes in one event; read as a fragment, it would be taken for output."""

_BLANK_LINE = 2


def meter(_call: Call) -> "StreamMeter":
    """Make the meter of one stream."""
    return StreamMeter()


class StreamMeter(SseMetering):
    """Meters the events of a message; `template` is `{"index": n}` while block n is open."""

    __slots__ = ("_is_told", "_raw")

    def __init__(self) -> None:
        super().__init__(MAX_EVENT_BYTES)
        self._raw: Raw = {}
        self._is_told = False

    def finish(self) -> bytes:
        """Give the bytes that were held back; a placeholder is no usage of a stream that came to its end."""
        rest = super().finish()
        self._forget_placeholder()
        return rest

    def _take_frame(self, frame: bytes) -> bool:
        data = _data_of(frame)
        return not data or self._take_data(data, frame)

    def _take_data(self, data: bytes, frame: bytes) -> bool:
        event = open_event(data) or Event()
        match event.type:
            case "content_block_delta":
                self._receive(event.index, event.delta, frame)
            case "content_block_start":
                self._open(event)
            case "content_block_stop":
                self.template = None
            case "message_start":
                self._start(event.message)
            case "message_delta":
                self._tell(event.usage)
            case "message_stop":
                self._forget_placeholder()
                return self._end(frame)
            case "error":
                self.error_seen = True
            case "ping":
                pass
            case _:
                self._keep_unread(data)
        return True

    def _receive(self, index: Any, delta: Any, frame: bytes) -> None:
        """Keep what a delta says; a signature and a citation are the provider's and say nothing."""
        said = list(of_delta(delta))
        if not self._keep_all(index, said) and is_output(delta):
            self._keep_nothing()
        elif len(said) == 1:
            name, text = said[0]
            self._learn(frame, (_number(index), name), text)

    def _open(self, event: Event) -> None:
        self.template = b'{"index":%d}' % event.index if type(event.index) is int else None
        self._keep_all(event.index, of_block(event.content_block))

    def _keep_all(self, index: Any, pieces: Iterable[Piece]) -> bool:
        """Keep texts of one block; say whether there were any."""
        number = _number(index)
        count = 0
        for count, (name, text) in enumerate(pieces, 1):  # noqa: B007
            self._keep((number, name), text)
        return count > 0

    def _start(self, message: Any) -> None:
        self._tell(message.get("usage") if type(message) is dict else None)
        self._is_told = False

    def _tell(self, raw: Any) -> None:
        """Take the newest numbers: totals, of which some may be left out."""
        self._raw = merged(self._raw, raw)
        usage = reported(self._raw)
        if usage is not None:
            self.usage = usage
            self._is_told = has_output(raw)

    def _forget_placeholder(self) -> None:
        if not self._is_told and not self.error_seen:
            self.usage = None


def _number(index: Any) -> int:
    return index if type(index) is int else 0


def _data_of(frame: bytes) -> bytes:
    """Give the data of a frame; the commonest has a name and one line of data, and costs two searches."""
    at = frame.find(b"\ndata:")
    if (
        frame.startswith(b"event:")
        and frame.find(b"\n") == at
        and frame.find(b"\n", at + 1) == len(frame) - _BLANK_LINE
    ):
        data = frame[at + 6 :]
        if b"\r" not in data:
            return data.strip()
    return data_of(frame)
