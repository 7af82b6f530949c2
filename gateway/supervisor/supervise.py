"""A gateway from start to end: store up, sockets bound, workers serving; and back in the opposite order.

The rule that matters: the store goes down last. Whatever a worker still has to charge when it ends, it can charge.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from pathlib import Path

import structlog
import uvloop

from gateway.app.descriptors import raise_limit
from gateway.app.lifecycle import encodings_of
from gateway.budget import Ledger
from gateway.budget.script import load
from gateway.config import Config
from gateway.supervisor.admin import Admin
from gateway.supervisor.keeper import kept_store
from gateway.supervisor.life import Life
from gateway.supervisor.listening import bound, serving, url_of
from gateway.supervisor.messages import Begin
from gateway.supervisor.nursery import Nursery
from gateway.supervisor.patience import Patience
from gateway.supervisor.pool import Pool
from gateway.supervisor.reload import Editions, Source
from gateway.supervisor.secrets import Secrets
from gateway.supervisor.signals import Signals
from gateway.telemetry import workers

log = structlog.get_logger("supervisor")

Announce = Callable[[Config, str, str], None]
"""Told once, when calls are taken: the configuration, the base URL, and the base URL of the admin listener."""

ADMIN_SECONDS = 1.0


def serve(
    path: Path,
    announce: Announce,
    *,
    host: str | None = None,
    port: int | None = None,
    patience: Patience | None = None,
) -> None:
    """Serve the configuration at `path` until SIGTERM or SIGINT, then drain; `host` and `port` win over the file's.

    Raises ConfigError, StoreRefused, StoreUnavailable, AddressTaken, WorkersFailed.
    """
    editions = Editions(Source(path, host, port))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(editions, announce, patience or Patience()))
    log.info("stopped")


async def _serve(editions: Editions, announce: Announce, patience: Patience) -> None:
    secrets = Secrets()
    settings = editions.current.config
    secrets.hide(settings)
    _make_room(settings)
    signals = Signals()
    async with AsyncExitStack() as stack:
        metrics = stack.enter_context(_metrics_directory())
        nursery = Nursery(metrics, lambda: encodings_of(editions.current.config), patience)
        stack.push_async_callback(nursery.end)
        await nursery.start()
        store = await stack.enter_async_context(kept_store(settings.store, patience))
        sockets = stack.enter_context(bound(settings.server.host, settings.server.port, setting="server"))
        admin_sockets = stack.enter_context(bound(settings.admin.host, settings.admin.port, setting="admin"))
        pool = Pool(nursery, sockets, partial(_begin, editions, store.url), patience, partial(workers.retire, metrics))
        ledger = Ledger(store.store, load(), lease_seconds=settings.ledger.lease_seconds)
        admin = Admin(pool, store.store, ledger, lambda: editions.current.config, metrics)
        admin_url = await stack.enter_async_context(serving(admin.server(), admin_sockets, ADMIN_SECONDS))

        def say() -> None:
            url = url_of(sockets)
            told = {"pid": os.getpid(), "workers": settings.server.workers, "config": str(settings.source)}
            log.info("serving", url=url, admin=admin_url, **told)
            announce(settings, url, admin_url)

        life = Life(editions, secrets, pool, signals, patience)
        await life.live(store.failed, sockets, say)


def _make_room(settings: Config) -> None:
    """Raise the limit of file descriptors for this process and for those that it starts."""
    wanted = settings.server.max_connections
    fitting = raise_limit(wanted)
    if fitting < wanted:
        log.warning(
            "few_file_descriptors", max_connections=wanted, that_fit=fitting, raise_the="hard limit (ulimit -Hn)"
        )


def _begin(editions: Editions, store_url: str) -> Begin:
    """Say to a new worker what it needs to know."""
    edition, server = editions.current, editions.first.config.server
    source = str(editions.source.path)
    return Begin(edition.generation, edition.content, source, server.host, server.port, store_url)


@contextmanager
def _metrics_directory() -> Iterator[Path]:
    """Give a private, empty directory for what workers count; only this user can read it."""
    directory = tempfile.mkdtemp(prefix="gateway-metrics-")
    try:
        yield Path(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
