"""`python -X dev -m tests.loud CONFIG`: a gateway whose every library logs all it has to say, to stderr.

It is one process, without a supervisor, and prints its address on one line when it serves.
"""

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from gateway.app.lifecycle import load_vocabularies, open_app
from gateway.config import Config, load
from gateway.store import open_store
from gateway.supervisor import listening
from gateway.telemetry import Redactor, configure


async def serve(config: Config) -> None:
    """Turn everything on, serve until SIGTERM."""
    configure(Redactor(config.secrets), level=logging.DEBUG)
    logging.getLogger(__name__).debug("loud")
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with (
        open_store(config.store.url.reveal(), config.store.data_dir, allow_volatile=False) as store,
        open_app(config, store, load_vocabularies(config)) as app,
        listening(app, config.server.host, config.server.port, config.server.drain_seconds) as url,
    ):
        print(url, flush=True)  # noqa: T201 - the parent reads this line
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve(load(Path(sys.argv[1]), os.environ)))
