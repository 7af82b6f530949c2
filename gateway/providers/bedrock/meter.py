"""The meter of a stream of Converse: blocks, `messageStop`, and `metadata`, which tells the usage and ends the answer.

The rule that matters: what a message is stands in its headers, never in its payload.
"""

from gateway.model import Call
from gateway.providers.alike import AlikeMessage, learn_message
from gateway.providers.bedrock.events import Event, open_event, open_metadata
from gateway.providers.bedrock.texts import is_output, of_block
from gateway.providers.bedrock.usage import reported
from gateway.providers.eventstream import MessageSplitter, decode
from gateway.providers.metering import TRIES, Metering

_KIND, _EVENT = ":message-type", "event"
_EVENT_TYPE = ":event-type"


def meter(_call: Call) -> "StreamMeter":
    """Make the meter of one stream."""
    return StreamMeter()


class StreamMeter(Metering):
    """Meters the messages of a stream; `template` is `{"index": n}` while block n is open."""

    __slots__ = ("_alike", "_run_template", "_tries")

    def __init__(self) -> None:
        super().__init__(MessageSplitter())
        self._alike: AlikeMessage | None = None
        self._run_template = b""
        self._tries = TRIES

    def _take_frame(self, frame: bytes) -> bool:
        text = b"" if self._alike is None else self._alike.text_in(frame)
        if not text:
            return self._take_message(frame)
        self.template = self._run_template
        self._run.append(text)
        self._came(len(text))
        return True

    def _take_message(self, frame: bytes) -> bool:
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
                self._receive(open_event(payload), payload, frame)
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

    def _receive(self, event: Event | None, payload: bytes, frame: bytes) -> None:
        if event is None:
            self._keep_unread(payload)
            return
        index = event.content_block_index
        number = index if type(index) is int else 0
        self.template = b'{"index":%d}' % number
        said = list(of_block(event.delta if event.delta is not None else event.start))
        for name, text in said:
            self._keep((number, name), text)
        if len(said) == 1:
            self._learn(frame, (number, said[0][0]), said[0][1])
        elif not said and event.delta is not None and is_output(event.delta):
            self._keep_nothing()

    def _learn(self, frame: bytes, channel: tuple[int, str], text: str) -> None:
        """Remember a message that says nothing but one text, for those that are like it."""
        found = learn_message(frame, text) if self._tries else None
        self._tries = max(0, self._tries - 1)
        if found is not None and self.template is not None:
            self._write_run()
            self._alike, self._run_channel, self._run_template = found, channel, self.template
