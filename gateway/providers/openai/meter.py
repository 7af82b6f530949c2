"""The meter of a stream of chat or legacy completions; it hides the usage frame that only the gateway asked for."""

from gateway.model import Call, Endpoint, Usage
from gateway.providers.decoding import Envelope, open_envelope
from gateway.providers.metering import SseMetering
from gateway.providers.openai.texts import pieces
from gateway.providers.openai.usage import reported
from gateway.providers.sse import data_of

_DONE = b"[DONE]"
_USAGE = b'"usage"'


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
        if _DONE.startswith(data):
            return True  # the end, cut off in its middle: no text
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
        self._receive(envelope, frame, tells_usage=usage is not None)
        return True

    def _usage_in(self, frame: bytes) -> Usage | None:
        envelope = open_envelope(data_of(frame))
        return None if envelope is None else reported(self._endpoint, envelope)

    def _receive(self, envelope: Envelope, frame: bytes, *, tells_usage: bool) -> None:
        found = pieces(envelope.choices)
        for channel, text in found:
            self._keep(channel, text)
        if not found:
            self._keep_nothing()
        elif len(found) == 1 and not envelope.error and not envelope.x_groq and tells_usage == bool(envelope.usage):
            self._learn(frame, *found[0], _USAGE if tells_usage else b"")
