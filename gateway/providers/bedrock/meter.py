"""The meter of a stream of Converse: blocks, `messageStop`, and `metadata`, which tells the usage and ends the answer.

The rule that matters: what a message is stands in its headers, never in its payload.
"""

from typing import Any

from gateway.model import Call
from gateway.providers.bedrock.events import Event, open_event, open_metadata
from gateway.providers.bedrock.texts import is_output, of_block
from gateway.providers.bedrock.usage import reported
from gateway.providers.eventstream import MessageSplitter, decode
from gateway.providers.metering import Metering

_KIND, _EVENT = ":message-type", "event"
_EVENT_TYPE = ":event-type"


def meter(_call: Call) -> "StreamMeter":
    """Make the meter of one stream."""
    return StreamMeter()


class StreamMeter(Metering):
    """Meters the messages of a stream; `template` is `{"index": n}` while block n is open."""

    __slots__ = ()

    def __init__(self) -> None:
        super().__init__(MessageSplitter())

    def _take_frame(self, frame: bytes) -> bool:
        message = decode(frame)
        if message is None:
            self._keep_unread(frame)
            return True
        if message.headers.get(_KIND, _EVENT) != _EVENT:
            self.error_seen = True
            return True
        return self._take_event(message.headers.get(_EVENT_TYPE), message.payload, frame)

    def _take_event(self, kind: str | None, payload: bytes, frame: bytes) -> bool:
        match kind:
            case "contentBlockDelta" | "contentBlockStart":
                self._receive(open_event(payload), payload)
            case "contentBlockStop":
                self.template = None
            case "metadata":
                metadata = open_metadata(payload)
                self.usage = reported(metadata.usage) if metadata else None
                return self._end(frame)
            case "messageStart" | "messageStop":
                pass
            case _:
                self._keep_unread(payload)
        return True

    def _receive(self, event: Event | None, payload: bytes) -> None:
        if event is None:
            self._keep_unread(payload)
            return
        index = event.content_block_index
        number = index if type(index) is int else 0
        self.template = b'{"index":%d}' % number
        is_silent = not self._keep_all(number, event.delta if event.delta is not None else event.start)
        if is_silent and event.delta is not None and is_output(event.delta):
            self._keep_nothing()

    def _keep_all(self, number: int, block: Any) -> bool:
        """Keep the texts of one block; say whether there were any."""
        pieces = list(of_block(block))
        for name, text in pieces:
            self._keep((number, name), text)
        return bool(pieces)
