"""A gateway as its operator starts it, `python -m gateway serve`, before the far end: two processes beside ours."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, TypeVar

import openai
import yaml

from gateway.store import socket_url
from tests import gateways
from tests.gateways import Limits
from tests.store.servers import ask

T = TypeVar("T")

END_SECONDS = 20
PAUSE_SECONDS = 0.01


COMMAND = ("gateway", "serve", "--port", "0", "--config")


def command(path: Path) -> list[str]:
    """Give the command that serves a configuration on a free port."""
    return [sys.executable, "-m", *COMMAND, str(path)]


def environment() -> dict[str, str]:
    """Give our environment without what could stand for the keys of a configuration."""
    return {name: value for name, value in os.environ.items() if not name.endswith("_KEY")}


def configured(directory: Path, base_url: str, limits: Limits, **sections: dict[str, Any]) -> Path:
    """Write the tests' configuration with some settings of its sections replaced."""
    document = _merged(yaml.safe_load(gateways.yaml(base_url, limits)), {"admin": {"port": 0}} | sections)
    path = directory / "config.yaml"
    path.write_text(yaml.safe_dump(document), "utf-8")
    return path


def _merged(document: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    deep = {
        name: _merged(document[name], value) if isinstance(value, dict) and name in document else value
        for name, value in settings.items()
    }
    return {**document, **deep}


@dataclass(frozen=True, slots=True)
class Served:
    """A running gateway; its data and its log are in `directory`."""

    url: str
    process: "subprocess.Popen[bytes]"
    directory: Path

    @property
    def api(self) -> str:
        """The base URL that apps set."""
        return f"{self.url}/v1"

    @property
    def store_url(self) -> str:
        """Where its embedded store is."""
        url = socket_url(self.directory / "data")
        assert url is not None
        return url

    def store_pid(self) -> int:
        """Give the process id of its embedded store."""
        return int(asyncio.run(ask(self.store_url, "INFO", "server"))["process_id"])

    def start_screen(self) -> str:
        """Give what it printed when it was ready."""
        return (self.directory / "screen").read_text("utf-8")

    def log(self) -> list[dict[str, Any]]:
        """Give its log, event by event, without what the command itself says at its end."""
        lines = (self.directory / "log").read_text("utf-8").splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("\n")]

    def call_of(self, request_id: str) -> dict[str, Any]:
        """Give the line of one call, which is written after its answer."""
        return eventually(lambda: next((one for one in self.log() if one.get("request_id") == request_id), None))

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self.process.wait(END_SECONDS)

    def stop(self) -> int:
        """Ask it to end, wait until it has; gives its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(END_SECONDS)


@contextmanager
def serving(path: Path, *module: str) -> Iterator[Served]:
    """Give a gateway that serves this configuration, once it takes calls; it is gone afterwards.

    `module` is what runs it, with its arguments up to the path, in the place of the real command.
    """
    directory = path.parent
    arguments = [sys.executable, "-m", *(module or COMMAND), str(path)]
    with (
        (directory / "screen").open("wb") as screen,
        (directory / "log").open("ab") as log,
        subprocess.Popen(arguments, env=environment(), stdout=screen, stderr=log) as process,
    ):
        try:
            yield Served(_announced(process, directory), process, directory)
        finally:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _announced(process: "subprocess.Popen[bytes]", directory: Path) -> str:
    """Give the address on the start screen, which is printed in one piece when calls are taken."""

    def look() -> str | None:
        if process.poll() is not None:
            raise AssertionError((directory / "log").read_text("utf-8"))
        screen = (directory / "screen").read_text("utf-8")
        found = re.search(r"http://127\.0\.0\.1:\d+(?=\s)", screen)
        return found.group() if found and screen.endswith("\n") else None

    return eventually(look)


@dataclass(frozen=True, slots=True)
class FarEnd:
    """The far end's account of what it served, and its gate."""

    port: int

    @property
    def base_url(self) -> str:
        """What a configuration holds."""
        return f"http://127.0.0.1:{self.port}/v1"

    def log(self) -> list[dict[str, Any]]:
        """Give what was served, request by request."""
        entries: list[dict[str, Any]] = self._ask("GET", "/_log")
        return entries

    def body(self) -> dict[str, Any]:
        """Give the body of the only request."""
        (entry,) = self.log()
        body: dict[str, Any] = json.loads(entry["body"])
        return body

    def served_tokens(self) -> int:
        """Give all tokens of prompts and answers, once no request is running any more."""
        eventually(lambda: not any(entry["outcome"] == "running" for entry in self.log()))
        return sum(entry["prompt_tokens"] + entry["completion_tokens"] for entry in self.log())

    def open(self) -> None:
        """Let the answers at the gate go on."""
        self._ask("POST", "/_open")

    def reset(self) -> None:
        """Forget the log, shut the gate."""
        self._ask("POST", "/_reset")

    def _ask(self, method: str, path: str) -> Any:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=END_SECONDS)
        try:
            connection.request(method, path)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()


def budget(sdk: openai.OpenAI, name: str) -> dict[str, Any]:
    """Give one of the caller's budgets, as the app itself reads it."""
    answer: Any = sdk.get("/budget", cast_to=object)
    found: dict[str, Any] = next(one for one in answer["data"] if one["name"] == name)
    return found


def used(sdk: openai.OpenAI, name: str) -> int:
    """Give what a budget has used, once nothing is held in it any more."""
    level = eventually(lambda: one if not (one := budget(sdk, name))["held"] else None)
    return int(level["used"])


def eventually(look: Callable[[], T | None]) -> T:
    """Look until there is something to see; the test's own timeout is the limit."""
    while not (seen := look()):
        time.sleep(PAUSE_SECONDS)
    return seen
