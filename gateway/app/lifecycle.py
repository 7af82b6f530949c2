"""From a configuration and a store to an app that answers, and back: what is started here is ended here."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any

import structlog

from gateway.app.server import App
from gateway.budget import Ledger
from gateway.budget.reaper import keep_sweeping
from gateway.budget.script import load
from gateway.config import Config
from gateway.demo import demo_server
from gateway.pipeline.aside import Aside
from gateway.pipeline.gateway import Gateway, build
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
"""How long a gateway that ends waits for charges that are on their way to the store."""


def load_vocabularies(config: Config) -> Vocabularies:
    """Load what the configured models are counted with; takes about half a second, so before anything is served."""
    vocabularies = Vocabularies()
    listed = (encoding_for(model.name) for provider in config.providers.values() for model in provider.models)
    for name in dict.fromkeys((O200K, *listed)):
        if vocabularies.load(name) is None:
            log.warning("vocabulary_missing", name=name, reason=vocabularies.reason(name))
    return vocabularies


@asynccontextmanager
async def open_app(config: Config, store: Store, vocabularies: Vocabularies) -> AsyncIterator[App]:
    """Give an app that can answer; on leaving, calls in flight end and every charge is brought to the store."""
    async with AsyncExitStack() as stack:
        counter = Counter(vocabularies)
        aside = Aside()
        stack.callback(counter.close)
        stack.callback(aside.close)
        upstream = await stack.enter_async_context(Upstream())
        config = await _with_demo(config, vocabularies, stack)
        ledger = Ledger(store, load(), lease_seconds=config.ledger.lease_seconds)
        metrics = Metrics()
        warnings = Warnings(store, config.warnings, on_warned=metrics.warned, open_socket=open_socket)
        await stack.enter_async_context(_background(warnings.run()))
        gateway = build(config, store, ledger, counter, upstream, aside, metrics, warnings)
        stack.push_async_callback(_finish, gateway)
        lease_seconds = config.ledger.lease_seconds
        for work in (gateway.holds.keep_beating(), keep_sweeping(ledger, store, every_seconds=lease_seconds / 4)):
            await stack.enter_async_context(_background(work))
        yield App(gateway)


async def _with_demo(config: Config, vocabularies: Vocabularies, stack: AsyncExitStack) -> Config:
    """Start the built-in model where a provider of that dialect asks for it, and tell the provider where it is."""
    providers = dict(config.providers)
    if any(provider.dialect == DEMO_DIALECT for provider in providers.values()):
        base_url = await stack.enter_async_context(demo_server(_counting(vocabularies)))
        for name, provider in providers.items():
            if provider.dialect == DEMO_DIALECT:
                providers[name] = replace(provider, base_url=base_url)
    return replace(config, providers=MappingProxyType(providers))


def _counting(vocabularies: Vocabularies) -> Callable[[str], int]:
    encoding = vocabularies.get(O200K)
    return byte_bound if encoding is None else partial(count, encoding)


async def _finish(gateway: Gateway) -> None:
    cancelled = await gateway.tasks.drain(gateway.config.server.drain_seconds)
    lost = await gateway.ledger.drain(SETTLING_SECONDS)
    if cancelled or lost:
        log.warning("drained", exchanges_cancelled=cancelled, charges_on_their_way=lost)


@asynccontextmanager
async def _background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.get_running_loop().create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
