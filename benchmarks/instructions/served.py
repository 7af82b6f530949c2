"""The gateway's app in one process, as a worker has it: `... .served CONFIG STORE_URL`, until the pipe closes."""

import asyncio
import os
import sys
from pathlib import Path

import uvloop

from gateway.app.lifecycle import encodings_of, load_into, open_app
from gateway.config import load
from gateway.store.connection import Store
from gateway.supervisor.cycles import Cycles, settle
from gateway.telemetry.logs import configure
from gateway.telemetry.redaction import Redactor
from gateway.tokens import Vocabularies


async def serve(path: Path, store_url: str) -> None:
    """Serve on the port of the configuration."""
    config, vocabularies = load(path, os.environ), Vocabularies()
    load_into(vocabularies, encodings_of(config))
    store = Store.connect(store_url)
    async with open_app(config, store, vocabularies) as app:
        await asyncio.get_running_loop().create_server(app.server(), "127.0.0.1", config.server.port)
        settle()
        _ = Cycles()
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await store.close()


if __name__ == "__main__":
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        configure(Redactor(frozenset()), stream=nowhere)
        uvloop.run(serve(Path(sys.argv[1]), sys.argv[2]))
