"""The meter of a stream of chat or legacy completions; it hides the usage frame that only the gateway asked for."""

from typing import Any

from gateway.model import Call, Endpoint
from gateway.providers.decoding import open_envelope
from gateway.providers.metering import SseMetering
from gateway.providers.openai.texts import pieces
from gateway.providers.openai.usage import reported

_DONE = b"[DONE]"


def meter(call: Call) -> "StreamMeter":
    """Make the meter of one stream."""
    return StreamMeter(call.endpoint, hide_usage=not call.wants_usage)


class StreamMeter(SseMetering):
    """Meters chunks of `chat.completion.chunk` or `text_completion`; `[DONE]` ends the answer."""

    __slots__ = ("_endpoint", "_hide_usage")

    def __init__(self, endpoint: Endpoint, *, hide_usage: bool) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._hide_usage = hide_usage

    def _take_data(self, data: bytes, frame: bytes) -> bool:
        if data == _DONE:
            return self._end(frame)
        envelope = open_envelope(data)
        if envelope is None:
            self._keep_unread(data)
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
            self._keep_nothing()
