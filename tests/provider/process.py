"""Starting and ending the far end as a process of its own, and asking it what it served."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

ROOT = Path(__file__).parents[2]
END_SECONDS = 10


@dataclass(frozen=True, slots=True)
class ProviderProcess:
    """A running far end."""

    port: int
    pid: int
    session: ClientSession

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def base_url(self) -> str:
        """What a configuration would hold."""
        return f"{self.origin}/v1"

    async def log(self) -> list[dict[str, Any]]:
        """Give what was served, request by request (server.Entry)."""
        return await self._get("/_log")

    async def served(self) -> dict[str, int]:
        """Totals of the log, and how many requests ended how."""
        return await self._get("/_served")

    async def settled(self) -> dict[str, int]:
        """Give the totals once no request is running any more."""
        while (totals := await self.served())["running"]:  # noqa: ASYNC110 - another process cannot set an Event
            await asyncio.sleep(0.01)
        return totals

    async def reset(self) -> None:
        """Forget the log, and shut the gate."""
        async with self.session.post(f"{self.origin}/_reset") as answer:
            answer.raise_for_status()

    async def open(self) -> None:
        """Let those go on who wait at the gate."""
        async with self.session.post(f"{self.origin}/_open") as answer:
            answer.raise_for_status()

    async def _get(self, path: str) -> Any:
        async with self.session.get(f"{self.origin}{path}") as answer:
            return await answer.json()


@contextlib.contextmanager
def far_end_running(key: str | None = None, port: int = 0) -> Iterator[tuple[int, int]]:
    """Start the far end, give its port and process id, end it; for fixtures that outlive an event loop."""
    arguments = ["-m", "tests.provider", "--port", str(port), *(["--key", key] if key else [])]
    with subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())["port"], process.pid
        finally:
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


@contextlib.asynccontextmanager
async def provider_process(key: str | None = None, port: int = 0) -> AsyncIterator[ProviderProcess]:
    """Start the far end, give it, end it (by its own process id)."""
    with far_end_running(key, port) as (bound_port, pid):
        async with ClientSession() as session:
            yield ProviderProcess(bound_port, pid, session)
