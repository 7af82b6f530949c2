"""The gateway under test, as its operator starts it, and started again on the same data when it was killed."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import yaml

from gateway.store import EMBEDDED, socket_url
from tests.end_to_end.serving import environment
from tests.provider.process import far_end_running
from tests.supervisor.processes import descendants, is_running

T = TypeVar("T")

COMPANY = "11111111-1111-4111-8111-111111111111"
KEY = "backend-key-0123456789"
SECRET = "sk-far-secret-abcdef"  # noqa: S105 - the far end's, which lives as long as the run
STORE = "valkey"
TRANCHE_TOKENS = 256
LEASE_SECONDS = 2
START_SECONDS = STOP_SECONDS = 120
_MARK = "GATEWAY_FAULT_RUN"
_PAUSE_SECONDS = 0.01


def until(look: Callable[[], T | None], seconds: float, what: str) -> T:
    """Look until there is something to see. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(_PAUSE_SECONDS)
    return seen


class Gateway:
    """One life of the gateway: from its start to the end of its supervisor."""

    def __init__(self, path: Path, number: int, mark: str) -> None:
        self._log = path.parent / f"log-{number}"
        command = [sys.executable, "-m", "gateway", "serve", "--port", "0", "--config", str(path)]
        with self._log.open("wb") as log:
            env = {**environment(), _MARK: mark}
            self.process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=log)
        serving = until(self._serving, START_SECONDS, "the gateway's start")
        self.url, self._admin = str(serving["url"]), str(serving["admin"])

    def _serving(self) -> dict[str, Any] | None:
        if self.process.poll() is not None:
            raise RuntimeError(self._log.read_text("utf-8"))
        return next(iter(self.events("serving")), None)

    def events(self, event: str) -> list[dict[str, Any]]:
        """Give the lines of the log with this event."""
        word = f'"event":"{event}"'
        lines = self._log.read_text("utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if word in line.replace('": "', '":"') and line.endswith("\n")]

    def serving_pids(self) -> set[int]:
        """Give the workers that serve; none while nobody says so."""
        return {pid for pid, state in self._workers() if state == "serving"}

    def workers_by_age(self) -> list[int]:
        """Give all workers, the oldest first."""
        return [pid for pid, _ in self._workers()]

    def _workers(self) -> list[tuple[int, str]]:
        address = urlsplit(self._admin)
        connection = HTTPConnection(str(address.hostname), address.port, timeout=10)
        try:
            connection.request("GET", "/workers")
            rows = json.loads(connection.getresponse().read())["workers"]
        finally:
            connection.close()
        return [(int(row["pid"]), str(row["state"])) for row in sorted(rows, key=lambda row: str(row["started"]))]

    def store_pids(self) -> set[int]:
        """Give the embedded store's process."""
        return {pid for pid in descendants(self.process.pid) if _comm(pid).startswith(STORE)}

    def fork_server_pids(self) -> set[int]:
        """Give the parent of the workers, where it lives."""
        below = descendants(self.process.pid)
        return {_parent(pid) for pid in self.serving_pids() if _parent(pid) in below}

    def tree(self) -> set[int]:
        """Give every process of it."""
        return {self.process.pid, *descendants(self.process.pid)}

    def stop(self) -> int:
        """Ask it to end; gives its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)


class Site:
    """A configuration, its data, and whichever gateway serves it now."""

    def __init__(self, directory: Path, far_port: int, settings: Mapping[str, Any]) -> None:
        self.path = directory / "config.yaml"
        self.far_port = far_port
        self._mark = directory.name
        self._lives = 0
        self._document = {**_document(f"http://127.0.0.1:{far_port}/v1"), **settings}
        self.write()
        self.start()

    def start(self) -> None:
        """Start the gateway, again if need be; return when it takes calls."""
        self._lives += 1
        self.gateway = Gateway(self.path, self._lives, self._mark)

    @property
    def url(self) -> str:
        """Where apps call."""
        return self.gateway.url

    @property
    def workers(self) -> int:
        """How many workers are configured."""
        return int(self._document["server"]["workers"])

    @property
    def is_embedded(self) -> bool:
        """Whether the store is the gateway's own."""
        return str(self._document["store"]["url"]) == EMBEDDED

    @property
    def store_url(self) -> str:
        """Where the store is, as it is configured or as the embedded one says."""
        if not self.is_embedded:
            return str(self._document["store"]["url"])
        return until(lambda: socket_url(self.path.parent / "data"), START_SECONDS, "the store's socket")

    def is_whole(self, victims: Collection[int] = ()) -> bool:
        """Whether all workers serve and an embedded store runs, none of them a victim. RuntimeError: it has ended."""
        gateway = self.gateway
        if gateway.process.poll() is not None:
            raise RuntimeError(f"the gateway has ended with status {gateway.process.returncode}")
        serving = gateway.serving_pids()
        is_stored = not self.is_embedded or bool(gateway.store_pids().difference(victims))
        return len(serving) == self.workers and serving.isdisjoint(victims) and is_stored

    def write(self, **sections: Any) -> None:
        """Replace sections of the configuration's file, in one step."""
        self._document |= sections
        new = self.path.with_suffix(".new")
        new.write_text(yaml.safe_dump(self._document), "utf-8")
        new.replace(self.path)

    def events(self, event: str) -> list[dict[str, Any]]:
        """Give the events of every life."""
        logs = (self.path.parent / f"log-{number + 1}" for number in range(self._lives))
        lines = (line for log in logs for line in log.read_text("utf-8").splitlines() if f'"{event}"' in line)
        return [one for one in map(json.loads, lines) if one["event"] == event]

    def running(self) -> set[int]:
        """Give every process that this site ever started and that still runs: by environment, or by command line."""
        found = set()
        for place in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                told = (place / "environ").read_bytes() + (place / "cmdline").read_bytes()
                if f"{_MARK}={self._mark}".encode() in told or f"/{self._mark}/".encode() in told:
                    found.add(int(place.name))
        return {pid for pid in found if is_running(pid)}

    def end(self) -> None:
        """End whatever still runs."""
        if self.gateway.process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                self.gateway.stop()
        for pid in self.running():
            os.kill(pid, signal.SIGKILL)
        self.gateway.process.wait(STOP_SECONDS)


@contextmanager
def opened(**settings: Any) -> Iterator[Site]:
    """Give a site with these sections of the configuration, and its far end; nothing of it is left afterwards.

    Each section replaces the whole of the one below, so `store=external(url)` is a store that somebody else runs.
    """
    with tempfile.TemporaryDirectory(prefix="gateway-faults-") as directory, far_end_running(SECRET) as (port, _):
        site = Site(Path(directory), port, settings)
        try:
            yield site
        finally:
            site.end()


def external(url: str) -> dict[str, Any]:
    """Give the section `store` for one that is not the gateway's own; the journal stays beside the configuration."""
    return {"url": url, "data_dir": "./data"}


def _document(base_url: str) -> dict[str, Any]:
    return {
        "server": {"port": 0, "workers": 2, "drain_seconds": 10},
        "admin": {"port": 0},
        "store": {"url": "embedded", "data_dir": "./data"},
        "ledger": {"tranche_tokens": TRANCHE_TOKENS, "lease_seconds": LEASE_SECONDS},
        "providers": {
            "far": {
                "dialect": "openai",
                "base_url": base_url,
                "api_key": SECRET,
                "models": {"*": {"reasoning": False}},
            }
        },
        "purposes": {"QA": {"category": "chat"}},
        "default_purpose": "QA",
        "quotas": {"daily": 1_000_000, "weekly": -1, "monthly": -1},
        "companies": [{"id": COMPANY, "name": "acme", "budget": {"tokens": 10**9, "window_days": 30}}],
        "keys": [{"name": "backend", "key": KEY, "company": "acme", "acts_for_users": True}],
    }


def _comm(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text("utf-8")
    except OSError:
        return ""


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[1])
    except OSError:
        return 0
