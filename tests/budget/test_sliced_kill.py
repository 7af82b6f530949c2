"""`kill -9` of a process that holds slices: what it spent is charged, what it did not is free, and nothing twice."""

import asyncio
import sys
from pathlib import Path

from gateway.budget import Ledger, script
from gateway.journal import Journal
from gateway.pipeline.hold import Holds
from gateway.pipeline.recovery import Recovery
from tests.budget.dying import OWN
from tests.budget.orders import COMPANY, SHARD
from tests.budget.test_behind import QUOTAS
from tests.store.servers import until

CALL = 100
"""What a call holds: one may have been under way."""


async def killed(url: str, directory: Path, after: int) -> int:
    """Let a process take so many tokens and kill it; gives what its calls had taken."""
    command = (sys.executable, "-m", "tests.budget.dying", url, str(directory))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    spent = 0
    while spent < after:
        spent = int(await process.stdout.readline())
    process.kill()
    rest = (await process.stdout.read()).split(b"\n")[:-1]
    await process.wait()
    return int(rest[-1]) if rest else spent


async def test_a_killed_process_is_charged_what_it_spent(valkey_store, valkey_url, tmp_path):
    """From its journal, at once: between the truth and a quarter of its slices more; quotas and usage to the call."""
    truth = await killed(valkey_url, tmp_path, 40_000)
    journal = Journal(tmp_path, "store")
    ledger = Ledger(valkey_store, script.load(), lease_seconds=60, kept=journal)
    (before,) = await ledger.read(COMPANY, [OWN])
    assert before.held > 0
    (part,) = valkey_store.parts()
    recovery = Recovery(valkey_store, ledger, journal, Holds(ledger, every_seconds=60), on_replayed=lambda: None)
    part.breaker.recover()
    running = asyncio.ensure_future(recovery.run())
    await until(lambda: part.breaker.is_closed)
    running.cancel()
    await asyncio.wait({running})
    own, *quotas = await ledger.read(COMPANY, [OWN, *QUOTAS])
    assert own.held == 0
    assert truth <= own.used <= truth + before.held // 4 + 2 * CALL
    for level in quotas:
        assert level.held == 0
        assert truth <= level.used <= truth + 2 * CALL
    usage = await valkey_store.execute("HGETALL", f"{SHARD}u:x")
    assert 0 <= int(usage[b"tokens"]) - truth <= CALL
    await journal.close()
