"""The real command, as a process: run to its end, or serving on a free port until it is told to stop."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.yaml"
PATIENCE_SECONDS = 60
ADA_KEY = "demo-ada-0123456789"
OPS_KEY = "demo-ops-0123456789"


def environment() -> dict[str, str]:
    """Give what a process needs, without the settings of whoever runs the tests."""
    return {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}


def command(*arguments: str | Path) -> list[str]:
    """Give `gateway ...` as this interpreter runs it."""
    return [sys.executable, "-m", "gateway", *map(str, arguments)]


def gateway(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        command(*arguments),
        cwd=cwd,
        env=environment(),
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )


def example_in(directory: Path) -> Path:
    """Put the example configuration where its store may stand."""
    path = directory / "config.yaml"
    path.write_text(EXAMPLE.read_text("utf-8").replace("port: 8081", "port: 0"), "utf-8")
    return path


@dataclass(frozen=True)
class Served:
    """A gateway that serves: its configuration, its base URL, what it printed at its start, its process."""

    config: Path
    url: str
    screen: str
    process: subprocess.Popen[str]

    def post(self, body: object, *, key: str = ADA_KEY) -> tuple[int, dict[str, object]]:
        """Make a chat call; gives the status and the answer."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE_SECONDS)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        try:
            connection.request("POST", "/v1/chat/completions", msgspec.json.encode(body), headers)
            answer = connection.getresponse()
            return answer.status, msgspec.json.decode(answer.read())
        finally:
            connection.close()

    def ask(self, text: str = "Hello", **fields: object) -> tuple[int, dict[str, object]]:
        """Say something to the demo model as ada."""
        return self.post({"model": "demo", "messages": [{"role": "user", "content": text}], **fields})


@contextmanager
def serving(config: Path) -> Iterator[Served]:
    """Serve a configuration on a free port for the length of the block, then ask the process to end."""
    log = config.parent / "log"
    with (
        log.open("wb") as stderr,
        subprocess.Popen(
            command("serve", "--config", config, "--port", "0"),
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        try:
            screen = _screen(process)
            found = re.search(r"serves (http://\S+)", screen)
            assert found is not None, log.read_text("utf-8")
            yield Served(config, found[1], screen, process)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _screen(process: subprocess.Popen[str]) -> str:
    """Read the start screen to its last line."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if "for i in" in line:
            break
    return "".join(lines)
