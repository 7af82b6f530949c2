"""From a configuration and a store to an app that answers, and back: what is started here is ended here.

The rule that matters: a reload replaces what follows from the configuration and nothing else. Holds, tasks, connections
and the built-in model live on, and a call ends under the configuration that it began with.
"""

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

import structlog

from gateway.app.descriptors import raise_limit
from gateway.app.pulse import keep_pulse, tell_of_store
from gateway.app.server import App
from gateway.app.tracings import Tracings
from gateway.budget import SlicedLedger
from gateway.budget.away import Away
from gateway.budget.reaper import keep_sweeping
from gateway.budget.script import load
from gateway.config import Config
from gateway.demo import demo_server
from gateway.journal import Journal
from gateway.pipeline.aside import Aside
from gateway.pipeline.gateway import Gateway, build, rebuild
from gateway.pipeline.recovery import Recovery
from gateway.store import EMBEDDED
from gateway.store.connection import Store
from gateway.telemetry.metrics import Metrics
from gateway.tokens import Counter, Vocabularies, encoding_for
from gateway.tokens.text import byte_bound, count
from gateway.upstream import Upstream
from gateway.upstream.connector import open_socket
from gateway.warnings import Warnings

log = structlog.get_logger("app")

DEMO_DIALECT = "demo"
O200K = "o200k_base"
SETTLING_SECONDS = 5.0


def load_vocabularies(config: Config) -> Vocabularies:
    """Load what the configured models are counted with; takes about half a second, so before anything is served."""
    vocabularies = Vocabularies()
    load_into(vocabularies, encodings_of(config))
    return vocabularies


def encodings_of(config: Config) -> tuple[str, ...]:
    """Name the vocabularies of the configured models."""
    listed = (encoding_for(model.name) for provider in config.providers.values() for model in provider.models)
    return tuple(dict.fromkeys((O200K, *listed)))


def load_into(vocabularies: Vocabularies, names: tuple[str, ...]) -> None:
    """Load those that are not there yet; one that cannot be had is a warning, and its models count by their bytes."""
    for name in names:
        if vocabularies.load(name) is None:
            log.warning("vocabulary_missing", name=name, reason=vocabularies.reason(name))


@asynccontextmanager
async def open_app(config: Config, store: Store, vocabularies: Vocabularies) -> AsyncIterator[App]:
    """Give an app that can answer; on leaving, calls in flight end and every charge is brought to the store."""
    async with assembled(config, store, vocabularies) as assembly:
        yield assembly.app


@asynccontextmanager
async def assembled(config: Config, store: Store, vocabularies: Vocabularies) -> AsyncIterator["Assembly"]:
    """Give an app as `open_app` does, with what it takes to reload it."""
    async with AsyncExitStack() as stack:
        counter = Counter(vocabularies)
        aside = Aside()
        stack.callback(counter.close)
        stack.callback(aside.close)
        upstream = await stack.enter_async_context(Upstream())
        # A stack of its own, here: a model that a reload starts ends after the calls to it, as one of the start does.
        demo = _Demo(vocabularies, await stack.enter_async_context(AsyncExitStack()))
        config = await demo.located(config)
        metrics = Metrics()
        stack.callback(metrics.flush)
        warnings = Warnings(
            store, config.warnings, on_warned=metrics.warned, on_posted=metrics.posted, open_socket=open_socket
        )
        await stack.enter_async_context(_background(warnings.run()))
        lease_seconds = config.ledger.lease_seconds
        journal = await stack.enter_async_context(_journal(config, store, metrics))
        away = _away(config, metrics)
        ledger = _ledger(store, metrics, journal, away, lease_seconds)
        tracings = Tracings()
        stack.push_async_callback(tracings.close)
        tracing = await tracings.following(config.tracing, drain_seconds=config.server.drain_seconds)
        gateway = build(config, store, ledger, counter, upstream, aside, metrics, warnings, tracing)
        sweeping = keep_sweeping(ledger, store, every_seconds=lease_seconds / 4)
        replayed, lost = metrics.outages.replayed, metrics.charge_lost
        recovery = Recovery(store, ledger, journal, gateway.holds, on_replayed=replayed, on_lost=lost)
        store.on_change.append(partial(tell_of_store, gateway, journal))  # at once: probes and metrics agree
        for work in (gateway.holds.keep_beating(), sweeping, keep_pulse(gateway, journal), recovery.run()):
            await stack.enter_async_context(_background(work))
        assembly = Assembly(App(gateway), vocabularies, demo, away, tracings)
        stack.push_async_callback(assembly.finish)
        yield assembly


@asynccontextmanager
async def _journal(config: Config, store: Store, metrics: Metrics) -> AsyncIterator[Journal]:
    """Give this process's journal. An embedded store is known by that word: its socket may move. It forgets nothing."""
    embedded = config.store.url.reveal() == EMBEDDED
    directory = config.store.data_dir / "journal" if config.store.journal else None
    name = EMBEDDED if embedded else store.address
    failed = metrics.outages.journal_failed
    journal = Journal(directory, name, may_forget=not embedded, on_failure=failed)
    await journal.open()
    try:
        yield journal
    finally:
        await journal.close()


def _ledger(store: Store, metrics: Metrics, journal: Journal, away: Away, lease_seconds: float) -> SlicedLedger:
    return SlicedLedger(
        store,
        load(),
        lease_seconds=lease_seconds,
        on_batch=metrics.store_call,
        on_lost=metrics.charge_lost,
        told=metrics.slicing,
        kept=journal,
        away=away,
    )


def _away(config: Config, metrics: Metrics) -> Away:
    settings = config.store
    return Away(settings.on_failure, grace_tokens=settings.grace_tokens, on_taken=metrics.outages.taken)


class Assembly:
    """An app, and the way to another configuration.

    `finish_seconds` is how long calls that outlive their client may go on when it is left; None: the configuration's
    `server.drain_seconds`. `settling_seconds` is how long it then waits for charges on their way to the store.
    """

    def __init__(self, app: App, vocabularies: Vocabularies, demo: "_Demo", away: Away, tracings: Tracings) -> None:
        self.app = app
        self.finish_seconds: float | None = None
        self.settling_seconds = SETTLING_SECONDS
        self._vocabularies = vocabularies
        self._demo = demo
        self._away = away
        self._tracings = tracings

    async def reload(self, config: Config) -> None:
        """Let the next call be the first under another configuration; calls in flight keep theirs.

        What lives on takes it over in the same turn of the loop: no call is between two configurations.
        """
        raise_limit(config.server.max_connections)
        await asyncio.to_thread(load_into, self._vocabularies, encodings_of(config))
        located = await self._demo.located(config)
        gateway = rebuild(self.app.gateway, located)  # where it fails, nothing is changed yet
        tracing = await self._tracings.following(config.tracing, drain_seconds=config.server.drain_seconds)
        self.app.gateway = replace(gateway, tracing=tracing)
        self.app.gateway.warnings.follow(config.warnings)
        self._away.follow(config.store.on_failure, grace_tokens=config.store.grace_tokens)

    async def finish(self) -> None:
        """Wait for what goes on without a client, then for the charges."""
        gateway: Gateway = self.app.gateway
        patience = gateway.config.server.drain_seconds if self.finish_seconds is None else self.finish_seconds
        cancelled = await gateway.tasks.drain(patience)
        lost = await gateway.ledger.drain(self.settling_seconds)
        if cancelled or lost:
            log.warning("drained", exchanges_cancelled=cancelled, charges_on_their_way=lost)


class _Demo:
    """The built-in model: started when a provider of its dialect first asks for it, in a place that then stays."""

    def __init__(self, vocabularies: Vocabularies, stack: AsyncExitStack) -> None:
        self._vocabularies = vocabularies
        self._stack = stack
        self._base_url: str | None = None

    async def located(self, config: Config) -> Config:
        """Tell providers of this dialect where the model is."""
        providers = dict(config.providers)
        for name, provider in providers.items():
            if provider.dialect == DEMO_DIALECT:
                providers[name] = replace(provider, base_url=await self._started())
        return replace(config, providers=MappingProxyType(providers))

    async def _started(self) -> str:
        if self._base_url is None:
            self._base_url = await self._stack.enter_async_context(demo_server(_counting(self._vocabularies)))
        return self._base_url


def _counting(vocabularies: Vocabularies) -> Callable[[str], int]:
    encoding = vocabularies.get(O200K)
    return byte_bound if encoding is None else partial(count, encoding)


def _ended(task: "asyncio.Task[None]") -> None:
    """End the process, in order, whose work for ever has failed: without it breakers stay open, and holds for ever."""
    if not task.cancelled() and task.exception() is not None:
        log.critical("background_failed", exc_info=task.exception())
        signal.raise_signal(signal.SIGTERM)


@asynccontextmanager
async def _background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.get_running_loop().create_task(work)
    task.add_done_callback(_ended)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
