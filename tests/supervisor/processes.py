"""A gateway with two workers on the demo model, as a process; callers that never stop; and its process tree (Linux)."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from tests.end_to_end.serving import END_SECONDS, Served, eventually
from tests.gateways import ACME, ADA, ADA_KEY

CALL = {"model": "demo", "messages": [{"role": "user", "content": "Hello"}]}
CALL_TOKENS = 110


def written(directory: Path, *, limit: int = 10_000_000, **sections: dict[str, Any]) -> Path:
    """Write a configuration whose one key may use `limit` tokens of the demo model, once and for all."""
    document: dict[str, Any] = {
        "server": {"port": 0, "workers": 2, "drain_seconds": 10},
        "admin": {"port": 0},
        "providers": {"demo": {"dialect": "demo", "models": {"demo": {"max_output_tokens": 1024}}}},
        "companies": [{"id": ACME, "name": "acme"}],
        "users": [{"id": ADA, "name": "ada", "company": "acme"}],
        "keys": [{"name": "ada", "key": ADA_KEY, "company": "acme", "user": "ada"}],
        "budgets": [{"name": "own", "scope": "user", "window": {"lifetime": True}, "limit": limit}],
    }
    for name, settings in sections.items():
        document[name] = {**document.get(name, {}), **settings}
    path = directory / "config.yaml"
    new = directory / "new.yaml"
    new.write_text(yaml.safe_dump(document), "utf-8")
    new.replace(path)
    return path


class Caller:
    """A client with one connection that lives as long as the gateway lets it."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        assert address.hostname is not None
        self._connection = HTTPConnection(address.hostname, address.port, timeout=END_SECONDS)

    def call(self) -> tuple[int, dict[str, Any]]:
        """Ask the demo model; an answer that announces the connection's end is heeded, as RFC 9112 wants."""
        headers = {"Authorization": f"Bearer {ADA_KEY}", "Content-Type": "application/json"}
        self._connection.request("POST", "/v1/chat/completions", json.dumps(CALL), headers)
        answer = self._connection.getresponse()
        return answer.status, json.loads(answer.read())

    def get(self, path: str) -> tuple[int, bytes]:
        """Read a page."""
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def close(self) -> None:
        """End the connection."""
        self._connection.close()


def asked(url: str) -> tuple[int, dict[str, Any]]:
    """Make one call on a new connection, which any worker may get."""
    caller = Caller(url)
    try:
        return caller.call()
    finally:
        caller.close()


def page(url: str, path: str) -> tuple[int, bytes]:
    """Read a page on a new connection."""
    caller = Caller(url)
    try:
        return caller.get(path)
    finally:
        caller.close()


def admin_url(served: Served) -> str:
    """Give the address of the admin listener, from the log."""
    return next(str(line["admin"]) for line in served.log() if line["event"] == "serving")


def workers(served: Served) -> list[dict[str, Any]]:
    """Give the workers as the admin listener shows them."""
    rows: list[dict[str, Any]] = json.loads(page(admin_url(served), "/workers")[1])["workers"]
    return rows


def serving_pids(served: Served) -> set[int]:
    """Give the process ids of the workers that serve."""
    return {row["pid"] for row in workers(served) if row["state"] == "serving"}


def events(served: Served, event: str) -> list[dict[str, Any]]:
    """Give the lines of the log with this event."""
    return [line for line in served.log() if line["event"] == event]


@dataclass
class Load:
    """What became of the calls: the statuses, and what was wrong with those that got none."""

    statuses: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def grows_by(self, calls: int) -> None:
        """Wait until so many more calls have been answered."""
        goal = len(self.statuses) + calls
        eventually(lambda: len(self.statuses) >= goal or self.errors)


@contextmanager
def loaded(url: str, callers: int = 6) -> Iterator[Load]:
    """Keep callers busy for the length of the block: some keep their connection, some make one for each call."""
    load = Load()
    stop = threading.Event()

    def call_for_ever(number: int) -> None:
        caller = Caller(url)
        while not stop.is_set():
            try:
                load.statuses.append((caller.call() if number % 2 else asked(url))[0])
            except OSError as error:
                load.errors.append(repr(error))
                caller.close()
        caller.close()

    threads = [threading.Thread(target=call_for_ever, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def descendants(pid: int) -> set[int]:
    """Give the process ids below this one, at all depths."""
    below: set[int] = set()
    try:
        tasks = list(Path(f"/proc/{pid}/task").glob("*/children"))
    except OSError:
        return below  # it has just ended
    for task in tasks:
        try:
            children = {int(word) for word in task.read_text("utf-8").split()}
        except OSError:
            continue
        below |= children.union(*(descendants(child) for child in children))
    return below


def fork_server(served: Served) -> int:
    """Give the process id of the parent of the workers."""
    pid = next(iter(serving_pids(served)))
    stat = Path(f"/proc/{pid}/stat").read_text("utf-8")
    return int(stat.rpartition(")")[2].split()[1])


def is_running(pid: int) -> bool:
    """Whether a process is there and not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill(pid: int) -> None:
    """End a process as the kernel does when memory is short; it may have ended by itself."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
