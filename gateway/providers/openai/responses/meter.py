"""The meter of a streamed response: deltas are its texts, and the event that ends it has the usage.

The rule that matters: one event ends the answer (`response.completed`, `.incomplete` or `.failed`) and waits for the
settlement; a server that says `[DONE]` after it says nothing new.
"""

from typing import Any

import msgspec

from gateway.model import Call
from gateway.providers.decoding import UNREADABLE
from gateway.providers.metering import SseMetering
from gateway.providers.openai.responses.texts import item_texts, open_object, output_texts
from gateway.providers.openai.responses.usage import usage_in

MAX_EVENT_BYTES = 32 << 20
"""The last event repeats the whole response, with images that a tool generated in it; without it there is no usage."""

MOST_ITEMS = 1024
"""What an answer has of them, by their number; further ones are counted as they flow, and once more as they end."""

_DONE = b"[DONE]"
_FAILED = "response.failed"
_ENDINGS = frozenset({"response.completed", "response.incomplete", "response.cancelled", _FAILED})
_ITEM_BEGINS, _ITEM_ENDS = "response.output_item.added", "response.output_item.done"
_BYTES = "response.audio.delta"


class _Event(msgspec.Struct, gc=False):
    """The fields of an event that metering reads; whatever types they came with."""

    type: Any = None
    delta: Any = None
    output_index: Any = None
    content_index: Any = None
    summary_index: Any = None
    item: Any = None
    response: Any = None
    error: Any = None


_decode_event = msgspec.json.Decoder(_Event).decode


def meter(_call: Call) -> "ResponseMeter":
    """Make the meter of one stream."""
    return ResponseMeter()


class ResponseMeter(SseMetering):
    """Meters events of a response; `template` is the event that says it was created."""

    __slots__ = ("_heard",)

    def __init__(self) -> None:
        super().__init__(MAX_EVENT_BYTES)
        self._heard: set[int] = set()

    def _take_data(self, data: bytes, frame: bytes) -> bool:
        if data == _DONE:
            return self._end(frame)
        event = _open(data)
        if event is None:
            self._keep_unread(data)
            return True
        kind = event.type if type(event.type) is str else ""
        if event.error or kind == "error":
            self.error_seen = True
        if kind in _ENDINGS:
            self._take_end(kind, event.response)
            return self._end(frame)
        if self.template is None and type(event.response) is dict:
            self.template = data
        if kind.endswith(".delta"):
            self._take_delta(kind, event)
        elif kind in {_ITEM_BEGINS, _ITEM_ENDS}:
            self._take_item(kind, event)
        return True

    def _take_end(self, kind: str, response: Any) -> None:
        usage = usage_in(response) if type(response) is dict else None
        if usage is not None:
            self.usage = usage
        elif kind == _FAILED:
            self.error_seen = True
        elif not self._heard and type(response) is dict:
            for text in output_texts(response.get("output")):
                self._keep(kind, text)

    def _take_delta(self, kind: str, event: _Event) -> None:
        place = _number(event.output_index)
        self._hear(place)
        if type(event.delta) is str and event.delta and kind != _BYTES:
            self._keep((kind, place, _number(event.content_index, event.summary_index)), event.delta)
        else:
            self._keep_nothing()

    def _take_item(self, kind: str, event: _Event) -> None:
        """Take the name of a tool that is called; of an item that came without deltas, all that it says."""
        place = _number(event.output_index)
        if kind == _ITEM_ENDS:
            if place in self._heard:
                return
            self._hear(place)
        for text in item_texts(event.item):
            self._keep((kind, place), text)

    def _hear(self, place: int) -> None:
        """Remember an item that deltas told of; whatever numbers a provider gives them."""
        if 0 <= place < MOST_ITEMS:
            self._heard.add(place)


def _open(data: bytes) -> _Event | None:
    try:
        return _decode_event(data)
    except UNREADABLE:
        event = open_object(data)
    return None if event is None else _Event(**{name: event.get(name) for name in _Event.__struct_fields__})


def _number(*values: Any) -> int:
    return next((value for value in values if type(value) is int), 0)
