"""The meter of a stream of lines; the one that says `done` ends the answer and tells its usage."""

from gateway.model import Call
from gateway.providers.metering import Metering
from gateway.providers.ndjson import LineSplitter
from gateway.providers.ollama.lines import Line, open_line
from gateway.providers.ollama.texts import pieces
from gateway.providers.ollama.usage import reported


def meter(call: Call) -> "StreamMeter":
    """Make the meter of one stream."""
    return StreamMeter(call)


class StreamMeter(Metering):
    """Meters the lines of a chat or a completion; `template` is the first one."""

    __slots__ = ("_call", "_has_said")

    def __init__(self, call: Call) -> None:
        super().__init__(LineSplitter())
        self._call = call
        self._has_said = False

    def _take_frame(self, frame: bytes) -> bool:
        data = frame.strip()
        if not data:
            return True
        line = open_line(data)
        if line is None:
            self._has_said = True
            self._keep_unread(data)
            return True
        if line.error:
            self.error_seen = True
            return True
        if self.template is None:
            self.template = data
        self._receive(line)
        return self._finished(line, frame) if line.done is True else True

    def _receive(self, line: Line) -> None:
        found = pieces(line)
        self._has_said |= bool(found)
        for channel, text in found:
            self._keep(channel, text)
        if not found and line.done is not True:
            self._keep_nothing()

    def _finished(self, line: Line, frame: bytes) -> bool:
        self.usage = reported(self._call, line, has_said=self._has_said or self.unread_tokens > 0)
        return self._end(frame)
