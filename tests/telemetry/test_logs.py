"""The one door for log lines, in a process of its own: ours, other libraries', warnings and crashes."""

import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import pytest

CANARY = "canary-4f9a7c2e1b"
ROOT = Path(__file__).parents[2]
START = f"""
import logging, sys, threading, warnings
import structlog
from gateway.telemetry import Redactor, configure
configure(Redactor(["{CANARY}"]), level=logging.DEBUG)
log = structlog.get_logger()
"""


def command(body: str, *options: str) -> list[str]:
    """Give the command of a process that configures its logs and runs `body`."""
    return [sys.executable, "-X", "dev", *options, "-c", START + body]


def lines(body: str, *options: str) -> list[dict[str, object]]:
    """Run `body` and give its log: JSON on every line, no canary, and nothing on stdout."""
    done = subprocess.run(command(body, *options), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert CANARY not in done.stderr
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_our_own_lines() -> None:
    """An event is one JSON object with its level, its instant in UTC and its fields; development mode is content."""
    (line,) = lines(f'log.info("started", url="redis://x:{CANARY}@host", n=1)', "-W", "error")
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "started", "level": "info", "url": "redis***host", "n": 1}


def test_what_a_context_binds_stands_in_every_line() -> None:
    """A request id bound to the context needs no repeating."""
    (line,) = lines('structlog.contextvars.bind_contextvars(request_id="01ARZ"); log.warning("x")')
    assert (line["request_id"], line["level"]) == ("01ARZ", "warning")


def test_a_level_is_kept() -> None:
    """Lines below the level are not written."""
    assert not lines(
        'configure(Redactor(), level=logging.WARNING); log.info("x"); logging.getLogger("redis").info("x")'
    )


def test_other_libraries_lines() -> None:
    """A record of the standard library's logging looks like our own and is redacted like it, its traceback too."""
    body = f"""
try:
    raise ValueError("bad {CANARY}")
except ValueError:
    logging.getLogger("aiohttp.server").exception("Error with %s\\nforged", "{CANARY}")
"""
    (line,) = lines(body)
    assert (line["logger"], line["level"]) == ("aiohttp.server", "error")
    assert line["event"] == "Error with ***\\nforged"
    assert line["exception"].endswith("ValueError: bad ***")


def test_our_own_tracebacks() -> None:
    """An exception's words may hold a secret; its line does not."""
    (line,) = lines(f'try:\n    1 / 0\nexcept ArithmeticError:\n    log.exception("{CANARY} failed")')
    assert line["event"] == "*** failed"
    assert line["exception"].endswith("ZeroDivisionError: division by zero")


@pytest.mark.parametrize(
    ("body", "event"),
    [
        ('raise ValueError("CANARY")', "crashed"),
        ('t = threading.Thread(target=int, args=("CANARY",)); t.start(); t.join()', "crashed"),
        ('type("D", (), {"__del__": lambda self: int("CANARY")})()', "crashed"),
        ('warnings.warn("CANARY", stacklevel=1)', None),
        ('logging.getLogger("x").error("%d", "CANARY")', "unreadable log record"),
    ],
)
def test_nothing_leaves_by_another_door(body: str, event: str | None) -> None:
    """Crashes of the process, a thread or a finaliser, warnings and broken records are redacted lines as well."""
    (line,) = lines(body.replace("CANARY", CANARY))
    assert event is None or line["event"] == event


def test_a_log_that_cannot_be_written_ends_nothing() -> None:
    """With the reader gone the process goes on."""
    body = """
import os
os.close(2)
log.info("ours")
logging.getLogger("x").error("theirs")
print("alive", flush=True)
os._exit(0)
"""
    done = subprocess.run(command(body), cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "alive\n"


def test_a_person_reads_text() -> None:
    """On a terminal the same events are readable lines, as safe as the others."""
    ours, theirs = pty.openpty()
    body = f"""
log.info("started", key="{CANARY}", forged="a\\r\\nb")
try:
    1 / 0
except ArithmeticError:
    log.exception("x")
"""
    with subprocess.Popen(command(body), cwd=ROOT, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
    os.close(ours)
    assert process.returncode == 0
    assert CANARY.encode() not in shown
    assert b"started" in shown
    assert b"warning" not in shown
    assert b"a\\r\\nb" in shown
    assert b"ZeroDivisionError: division by zero\r\n" in shown


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # how a pseudo-terminal says that the other side is closed
        return b""


CALL = """
from gateway.telemetry import CallRecord, call_log
redactor = Redactor(["{canary}"])
configure(redactor, level=logging.{level}, stream=sys.stderr)
call_log(CallRecord(request_id="01ARZ", status=200, outcome="ok", duration_ms=1.26, model="{model}", provider="far"))
redactor.learn(["second-secret"])
call_log(CallRecord(request_id="01ASZ", status=200, outcome="ok", duration_ms=1.26, model="{model}", provider="far"))
"""


@pytest.mark.parametrize(
    ("model", "shown", "shown_later"),
    [
        ("gpt-4o", "gpt-4o", "gpt-4o"),
        (f"x-{CANARY}", "x-***", "x-***"),
        ("sk-abcdefghijklmnop", "***", "***"),
        ("second-secret", "second-secret", "***"),
        ("m" * 300, "m" * 255 + "\u2026", "m" * 255 + "\u2026"),
    ],
)
def test_the_line_of_a_call(model: str, shown: str, shown_later: str) -> None:
    """The short way that a call's line takes hides, cuts and stamps like the long one, also what is learned later."""
    found = lines(CALL.format(canary=CANARY, level="INFO", model=model))
    assert [line.pop("timestamp", "")[-1:] for line in found] == ["Z", "Z"]  # type: ignore[attr-defined]
    rest = {"event": "call", "level": "info", "status": 200, "outcome": "ok", "ms": 1.3, "provider": "far"}
    assert found == [
        {"request_id": "01ARZ", "model": shown, "stream": False, **rest},
        {"request_id": "01ASZ", "model": shown_later, "stream": False, **rest},
    ]


def test_a_level_above_keeps_the_line_of_a_call_back() -> None:
    """Where only warnings are wanted, a call leaves no line."""
    assert lines(CALL.format(canary=CANARY, level="WARNING", model="m")) == []


TURNS = """
import asyncio, io, json
from gateway.telemetry import CallRecord, call_log


class Stream(io.StringIO):
    def write(self, text):
        written.append(text)
        return len(text)


def call(name):
    call_log(CallRecord(request_id=name, status=200, outcome="ok", duration_ms=1.0, model="m" * 100))


written = []
"""
SHOW = """
for text in written:
    events = [json.loads(line) for line in text.splitlines()]
    names = [event.get("request_id", event["event"]) for event in events]
    print(json.dumps({"names": names, "bytes": len(text)}), file=sys.stderr)
"""


def test_calls_of_one_turn_are_written_together() -> None:
    """One call of the system for all of them; what anybody else writes comes after what was told before it."""
    body = """
configure(Redactor(), stream=Stream())
async def serve():
    call("a"), call("b")
    log.info("ours")
    call("c")
    logging.getLogger("x").warning("theirs")
    call("d")
    await asyncio.sleep(0)
    written.append('{"event": "next turn"}')
    call("e")
asyncio.run(serve())
call("f")
"""
    wrote = [line["names"] for line in lines(TURNS + body + SHOW)]
    assert wrote == [["a", "b"], ["ours"], ["c"], ["theirs"], ["d"], ["next turn"], ["e"], ["f"]]


def test_lines_are_whole_in_a_pipe_that_several_write() -> None:
    """No more is written at a time than the system takes in one piece."""
    body = """
configure(Redactor(), stream=Stream())
async def serve():
    for number in range(100):
        call(str(number))
asyncio.run(serve())
"""
    wrote = lines(TURNS + body + SHOW)
    names = [line["names"] for line in wrote]
    assert [name for some in names if isinstance(some, list) for name in some] == [str(number) for number in range(100)]
    sizes = [int(str(line["bytes"])) for line in wrote]
    assert max(sizes) <= select.PIPE_BUF
    assert len(sizes) < 10


@pytest.mark.parametrize(("end", "events"), [("", []), ("sys.exit(1)", []), ("1 / 0", ["crashed"])])
def test_a_process_that_ends_has_written_its_calls(end: str, events: list[str]) -> None:
    """Also where the loop has had no further turn."""
    body = f"""
logging.getLogger("asyncio").setLevel(logging.WARNING)
loop = asyncio.new_event_loop()
loop.call_soon(call, "a")
loop.call_soon(loop.stop)
loop.run_forever()
loop.close()
{end}
"""
    assert [line["event"] for line in lines(TURNS + body)] == ["call", *events]
