"""One gateway process from start to end: logs, store, app, a listening socket, signals, drain."""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
import uvloop
from aiohttp import web

from gateway.app import App
from gateway.app.lifecycle import load_vocabularies, open_app
from gateway.config import Config
from gateway.errors import StoreRefused
from gateway.store import open_store
from gateway.telemetry import Redactor, configure

log = structlog.get_logger("supervisor")

Announce = Callable[[Config, str], None]
"""Told once, when calls are taken: the configuration and the base URL."""


class AddressTaken(Exception):
    """The gateway cannot listen where it should."""


def serve(config: Config, announce: Announce) -> None:
    """Serve until SIGTERM or SIGINT, then drain. Raises StoreRefused, StoreUnavailable, AddressTaken."""
    configure(Redactor(config.secrets))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(config, announce))
    log.info("stopped")


async def _serve(config: Config, announce: Announce) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    vocabularies = load_vocabularies(config)
    settings = config.store
    async with (
        open_store(settings.url.reveal(), settings.data_dir, allow_volatile=settings.allow_volatile) as store,
        open_app(config, store, vocabularies) as app,
        listening(app, config.server.host, config.server.port, config.server.drain_seconds) as url,
    ):
        # What is loaded now lives as long as the process: looking through it at each full collection took 70 ms.
        gc.collect()
        gc.freeze()
        log.info("serving", url=url, config=str(config.source))
        announce(config, url)
        if await _first(stop, store.server_died) is store.server_died:
            raise StoreRefused(f"The embedded store ended by itself; its log is in {settings.data_dir}.")
        log.info("draining", seconds=config.server.drain_seconds)


@asynccontextmanager
async def listening(app: App, host: str, port: int, drain_seconds: float) -> AsyncIterator[str]:
    """Take calls at an address, port 0 for any free one; gives the base URL. On leaving, calls in flight may end."""
    runner = web.ServerRunner(app.server(), handle_signals=False, shutdown_timeout=drain_seconds)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as exc:
            raise AddressTaken(f"cannot listen on {host}:{port}: {exc.strerror}") from exc
        address = runner.addresses[0]
        shown = f"[{address[0]}]" if ":" in address[0] else address[0]
        yield f"http://{shown}:{address[1]}"
    finally:
        await runner.cleanup()


async def _first(*events: asyncio.Event) -> asyncio.Event:
    """Wait for the first of some events and give it."""
    waiting = {asyncio.ensure_future(event.wait()): event for event in events}
    done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in rest:
        task.cancel()
    return waiting[done.pop()]
