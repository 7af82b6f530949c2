"""The processes under test: on free ports of loopback, measured with all their children, ended by their own ids."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

KEY = "bench-key-0123456789"
STORE = "valkey-server"
CONFIG = """
server: {{port: {port}, workers: {workers}}}
admin: {{port: 0}}
store: {{url: embedded, data_dir: ./data}}
providers:
  far: {{dialect: openai, base_url: "{origin}/v1", models: {{gpt-4o-mini: {{max_output_tokens: 16384}}}}}}
purposes: {{QA: {{category: chat}}}}
default_purpose: QA
quotas: {{daily: 1000000000, weekly: -1, monthly: -1}}
companies: [{{id: 11111111-1111-4111-8111-111111111111, name: acme, budget: {{tokens: 100000000000}}}}]
users: [{{id: 22222222-2222-4222-8222-222222222222, name: ada, company: acme}}]
keys: [{{name: ada, key: {key}, company: acme, user: ada}}]
"""
_NGINX = """
worker_processes 1; daemon off; error_log stderr; pid {directory}/nginx.pid;
events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {directory}; proxy_temp_path {directory};
  upstream far {{ server 127.0.0.1:{far}; keepalive 256; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ proxy_pass http://far; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffering off; }}
  }}
}}
"""


@dataclass(frozen=True)
class Server:
    """A process tree that listens on a port of loopback."""

    name: str
    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """Give user + system time of the whole tree so far, the store's apart."""
        return sum(_cpu_seconds(pid) for pid in self._pids())

    def rss_mib(self) -> float:
        """Give the resident memory of the largest process of the tree, the store apart: of a worker."""
        return max(self.memory().values())

    def memory(self) -> dict[int, float]:
        """Give the resident memory of each process of the tree, the store apart."""
        return {pid: _rss_mib(pid) for pid in self._pids()}

    def _pids(self) -> Iterator[int]:
        waiting = [self.pid]
        while waiting:
            pid = waiting.pop()
            if _name(pid) != STORE:
                yield pid
            waiting += _children(pid)


def free_port() -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(directory: Path, workers: int) -> Iterator[list[Server]]:
    """Start the provider, and before it each of the others; give those that are compared, the pass-throughs first."""
    with ExitStack() as stack:
        far, ours = free_port(), free_port()
        origin = f"http://127.0.0.1:{far}"
        role = [sys.executable, "-m", "benchmarks.performance.far"]
        stack.enter_context(_process("provider", far, [*role, "provider", str(far)]))
        servers = []
        for name in ("plain", "bare"):
            port = free_port()
            servers.append(stack.enter_context(_process(name, port, [*role, name, str(port), origin])))
        if nginx := shutil.which("nginx"):
            port, config = free_port(), directory / "nginx.conf"
            config.write_text(_NGINX.format(directory=directory, far=far, port=port))
            servers.append(stack.enter_context(_process("nginx", port, [nginx, "-c", str(config)])))
        config = directory / "config.yaml"
        config.write_text(CONFIG.format(port=ours, workers=workers, origin=origin, key=KEY))
        command = [sys.executable, "-m", "gateway", "serve", "--config", str(config)]
        servers.append(stack.enter_context(_process("gateway", ours, command)))
        yield servers


@contextmanager
def _process(name: str, port: int, command: list[str]) -> Iterator[Server]:
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        _wait_for(port, process)
        yield Server(name, port, process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"{process.args!r} does not listen")


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()


def _cpu_seconds(pid: int) -> float:
    try:
        fields = _stat(pid)
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mib(pid: int) -> float:
    try:
        return int(_stat(pid)[21]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)
    except FileNotFoundError:
        return 0.0


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text("utf-8").strip()
    except FileNotFoundError:
        return ""


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += [int(child) for child in task.read_text("utf-8").split()]
    return found
