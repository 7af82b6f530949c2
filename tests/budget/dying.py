"""A process that makes calls of a hot company until it is killed: `python -m tests.budget.dying URL DIRECTORY`.

After each call it tells how many tokens its calls have taken.
"""

import asyncio
import sys
from pathlib import Path

from gateway.budget import SlicedLedger, script
from gateway.journal import Journal
from gateway.store.connection import Store
from tests.budget.gateways import hold, of_company, order
from tests.budget.test_behind import CHARGE, QUOTAS

OWN = of_company(10_000_000)


async def main(url: str, directory: str) -> None:
    """Make calls for ever, one after the other."""
    ledger = SlicedLedger(Store.connect(url), script.load(), lease_seconds=60, kept=Journal(Path(directory), "store"))
    spent = number = 0
    while True:
        number += 1
        lease = await hold(ledger, order(f"call-{number}", OWN, *QUOTAS, prompt=100))
        ledger.forwarding(lease)
        await asyncio.sleep(0.001)
        await ledger.settle(lease, [70] * 4, CHARGE)
        spent += 70
        sys.stdout.write(f"{spent}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
