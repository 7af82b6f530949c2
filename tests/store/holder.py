"""A process that owns an embedded server and counts in it, printing each acknowledged number; tests kill it.

python -m tests.store.holder DATA_DIR TIE
"""

import asyncio
import sys
from pathlib import Path

from gateway.store.connection import Store
from gateway.store.embedded import Tie, embedded


async def count(data_dir: Path, tie: Tie) -> None:
    """Print the server's process id, then every number as it is acknowledged."""
    async with embedded(data_dir, tie=tie) as server:
        store = Store.connect(server.url)
        print((await store.execute("INFO", "server"))["process_id"], flush=True)  # noqa: T201 - it is its output
        while True:
            print(await store.execute("INCR", "n"), flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(count(Path(sys.argv[1]), Tie(sys.argv[2])))
