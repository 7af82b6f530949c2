"""The command: starts each server under callgrind, calls it, and prints instructions a call."""

import argparse
import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from benchmarks.performance.load import Kind, measured
from benchmarks.performance.servers import CONFIG, KEY, Server, free_port
from gateway.store.embedded import embedded

COMMAND = "python -m benchmarks.instructions"
SERVERS = ("bare", "plain", "gateway")
START_SECONDS = 300
_TOTAL = re.compile(r"^(?:totals|summary): (\d+)", re.MULTILINE)


async def count(directory: Path, kind: Kind, calls: int) -> list[tuple[str, float]]:
    """Give each server's instructions a call."""
    far = free_port()
    provider = _process(sys.executable, "-m", "benchmarks.performance.far", "provider", str(far))
    found = []
    try:
        async with embedded(directory / "store") as store:
            for name in SERVERS:
                print(f"\r{name:<20}", end="", file=sys.stderr, flush=True)
                port = free_port()
                command = _command(name, directory, port, f"http://127.0.0.1:{far}", store.url)
                found.append((name, await _counted(directory, name, port, command, kind, calls)))
    finally:
        _end(provider)
    return found


def _command(name: str, directory: Path, port: int, origin: str, store_url: str) -> Sequence[str]:
    if name != "gateway":
        return "-m", "benchmarks.performance.far", name, str(port), origin
    path = directory / "config.yaml"
    path.write_text(CONFIG.format(port=port, workers=1, origin=origin, key=KEY), "utf-8")
    return "-m", "benchmarks.instructions.served", str(path), store_url


async def _counted(directory: Path, name: str, port: int, command: Sequence[str], kind: Kind, calls: int) -> float:
    """Count a server's instructions of so many calls, after it has warmed up."""
    out = directory / f"{name}.out"
    process = _process(*_tool("valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"), sys.executable, *command)
    try:
        await _listens(port, process)
        server = Server(name, port, process.pid)
        await measured(server, kind, 3 * kind.concurrency + 100)
        await asyncio.to_thread(_control, "--zero", process.pid)
        await measured(server, kind, calls)
        await asyncio.to_thread(_control, "--dump", process.pid)
        return await asyncio.to_thread(_total, out) / calls
    finally:
        _end(process)


def _total(out: Path) -> int:
    (dumped,) = out.parent.glob(f"{out.name}.*")
    total = _TOTAL.search(dumped.read_text("utf-8", "replace"))
    assert total is not None
    return int(total[1])


def _control(what: str, pid: int) -> None:
    command = [*_tool("callgrind_control", what), str(pid)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _tool(name: str, *arguments: str) -> Sequence[str]:
    path = shutil.which(name)
    if path is None:
        raise SystemExit(f"{COMMAND} needs {name} on the path")
    return path, *arguments


async def _listens(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.5)
        else:
            writer.close()
            return
    raise SystemExit(f"{process.args!r} does not listen")


def _process(*command: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    process.wait()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Instructions a call, by callgrind.")
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--calls", type=int, default=2000)
    chosen = parser.parse_args()
    kind = Kind(chosen.at_once, stream=False)
    with tempfile.TemporaryDirectory() as directory:
        found = uvloop.run(count(Path(directory), kind, chosen.calls))
    print("\r" + " " * 20 + "\r", end="", file=sys.stderr)
    least = found[0][1]
    for name, instructions in found:
        print(f"{name:<10}{instructions / 1000:>9,.0f} thousand instructions a call{instructions / least:>8.2f}")


if __name__ == "__main__":
    main()
