"""Owns where log lines go: one JSON object a line to stderr, or readable text when a person is watching.

Standard-library logging, warnings and crashes leave by the same door, so nothing is written that was not redacted.
"""

import asyncio
import logging
import select
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import Processor

from gateway.telemetry.redaction import Redactor


class _Lines:
    """Writes whole lines; a log that cannot be written does not end a call.

    Lines may wait for the end of the event loop's turn, so that one call of the system writes them all. What waits is
    written before any other line, before a process ends, and before it is more than a pipe takes in one piece:
    processes that share one would cut each other's lines.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._waiting = bytearray()
        self._lock = threading.RLock()  # never held while the stream is written

    def write(self, line: str) -> None:
        """Write a line now."""
        self.flush()
        self._put(line + "\n")

    debug = info = warning = error = critical = write

    def write_soon(self, line: bytes) -> None:
        """Write a line (UTF-8) when this turn of the loop has ended; now, where no loop runs."""
        if len(self._waiting) + len(line) >= select.PIPE_BUF:
            self.flush()
        with self._lock:
            is_first = not self._waiting
            self._waiting += line + b"\n"
        if is_first:
            try:
                asyncio.get_running_loop().call_soon(self.flush)
            except RuntimeError:
                self.flush()

    def flush(self) -> None:
        """Write what waits."""
        with self._lock:
            text = self._waiting.decode()
            self._waiting.clear()
        if text:
            self._put(text)

    def _put(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


class ShortWay:
    """Writes an event as structlog would, without its steps, which take longer than all else about the line.

    For a line that every call leaves: names of ours, values that are texts, numbers or truths. Used where lines are
    JSON, the level lets them pass, and nobody has changed structlog's steps since (a test that looks at events does).
    """

    def __init__(self, lines: _Lines, redactor: Redactor, processors: Sequence[Processor], level: int) -> None:
        self._write = lines.write_soon
        self.clean: Callable[[str], str] = redactor.clean_again
        # structlog is always given the same list, and whoever changes its steps changes them in there.
        self._processors = processors
        self._renderer = processors[-1]
        self._level = level
        self._second = 0
        self._second_text = ""

    @property
    def is_open(self) -> bool:
        """Whether this is how structlog would write it."""
        return bool(self._processors) and self._processors[-1] is self._renderer

    def info(self, event: str, fields: msgspec.Struct) -> None:
        """Write an event; every text of `fields` that can have come from outside has been through `clean`."""
        if self._level > logging.INFO:
            return
        last = f',"event":"{event}","level":"info","timestamp":"{self._now()}"}}'
        self._write(msgspec.json.encode(fields)[:-1] + last.encode())

    def _now(self) -> str:
        """Give the instant as structlog does; calls of one second share most of the text."""
        second, micros = divmod(time.time_ns() // 1000, 1_000_000)
        if second != self._second:
            self._second = second
            self._second_text = datetime.fromtimestamp(second, UTC).isoformat().removesuffix("+00:00")
        return f"{self._second_text}.{micros:06}Z" if micros else f"{self._second_text}Z"


_short_ways: list[ShortWay] = []


def short_way() -> ShortWay | None:
    """Give the short way to the log, where there is one now."""
    for way in _short_ways:
        if way.is_open:
            return way
    return None


class _Door(logging.StreamHandler[_Lines]):
    """Lets the records of other libraries out, formatted like our own; logging flushes it when the process ends."""

    terminator = ""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """Say that a record could not be formatted; the default prints its arguments as they are."""
        structlog.get_logger().error("unreadable log record", logger=record.name)


def configure(redactor: Redactor, *, level: int = logging.INFO, stream: TextIO | None = None) -> None:
    """Send all logging of this process to `stream` (stderr) through `redactor`; called once, when a process starts.

    `level` is one of `logging`'s. A stream that is a terminal gets colours, any other gets JSON.
    """
    target = stream or sys.stderr
    lines = _Lines(target)
    first: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[Processor] = [
        structlog.processors.format_exc_info,
        redactor,
        _renderer(is_watched=target.isatty()),
    ]
    processors = [*first, *last]
    _short_ways[:] = [] if target.isatty() else [ShortWay(lines, redactor, processors, level)]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    door = _Door(lines)
    door.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*first, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[door], level=level, force=True)
    logging.captureWarnings(capture=True)
    _catch_crashes()


def _renderer(*, is_watched: bool) -> Processor:
    if is_watched:
        return structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return structlog.processors.JSONRenderer(serializer=_json)


def _json(event: Any, **_: Any) -> str:
    return msgspec.json.encode(event).decode()


def _catch_crashes() -> None:
    """Python prints uncaught exceptions by itself, and an exception's words may hold a secret."""
    log = structlog.get_logger()

    def crashed(kind: type[BaseException], error: BaseException | None, trace: Any) -> None:
        log.critical("crashed", exc_info=(kind, error, trace))

    sys.excepthook = crashed
    threading.excepthook = lambda args: crashed(args.exc_type, args.exc_value, args.exc_traceback)
    sys.unraisablehook = lambda args: crashed(args.exc_type, args.exc_value, args.exc_traceback)
