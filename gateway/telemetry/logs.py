"""Owns where log lines go: one JSON object a line to stderr, or readable text when a person is watching.

Standard-library logging, warnings and crashes leave by the same door, so nothing is written that was not redacted.
"""

import logging
import sys
import threading
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec
import structlog
from structlog.typing import Processor

from gateway.telemetry.redaction import Redactor


class _Lines:
    """Writes whole lines; a log that cannot be written does not end a call."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        with suppress(OSError, ValueError):
            self._stream.write(line + "\n")
            self._stream.flush()

    debug = info = warning = error = critical = write


class ShortWay:
    """Writes an event as structlog would, without its steps, which take longer than all else about the line.

    For a line that every call leaves: names of ours, values that are texts, numbers or truths. Used where lines are
    JSON, the level lets them pass, and nobody has changed structlog's steps since (a test that looks at events does).
    """

    def __init__(self, lines: _Lines, redactor: Redactor, renderer: Processor, level: int) -> None:
        self._write = lines.write
        self._clean = redactor.clean_again
        self._renderer = renderer
        self._level = level

    @property
    def is_open(self) -> bool:
        """Whether this is how structlog would write it."""
        processors = structlog.get_config()["processors"]
        return bool(processors) and processors[-1] is self._renderer

    def info(self, event: str, own: dict[str, Any], fields: dict[str, Any]) -> None:
        """Write an event; of `own` nothing can have come from outside."""
        if self._level > logging.INFO:
            return
        clean = self._clean
        for name, value in fields.items():
            own[name] = clean(value) if type(value) is str else value
        own["event"], own["level"] = event, "info"
        own["timestamp"] = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        self._write(_json(own))


_short_ways: list[ShortWay] = []


def short_way() -> ShortWay | None:
    """Give the short way to the log, where there is one now."""
    return next((way for way in _short_ways if way.is_open), None)


class _Door(logging.StreamHandler[TextIO]):
    """Lets the records of other libraries out, formatted like our own."""

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
    renderer = _renderer(is_watched=target.isatty())
    _short_ways[:] = [] if target.isatty() else [ShortWay(lines, redactor, renderer, level)]
    last: list[Processor] = [structlog.processors.format_exc_info, redactor, renderer]
    structlog.configure(
        processors=[*first, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: lines,
        cache_logger_on_first_use=False,
    )
    door = _Door(target)
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
