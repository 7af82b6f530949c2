"""A worker's process: it serves calls on sockets that it was given, and does what the supervisor says.

The rule that matters: it ends when the supervisor does. A worker that nobody watches would hold the address, and would
go on under limits that nobody can change.
"""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog
import uvloop
from aiohttp import web

from gateway.app.lifecycle import Assembly, assembled
from gateway.app.listener import Server
from gateway.config import Config, parse
from gateway.errors import ConfigError, StoreUnavailable
from gateway.pipeline.gateway import Gateway
from gateway.store.connection import Store
from gateway.supervisor.cycles import Cycles, settle
from gateway.supervisor.heap import keep_tidy
from gateway.supervisor.listening import listen
from gateway.supervisor.messages import Begin, Channel, Hurry, Leave, Leaving, Ping, Pong, Reload, Serving, Standing
from gateway.supervisor.secrets import Secrets
from gateway.tokens import Vocabularies

log = structlog.get_logger("worker")

ORPHAN_SECONDS = 2.0
"""How long calls may go on, and then charges, when the supervisor is gone: the embedded store leaves with it."""
CUT_SECONDS = 0.1


def work(end: socket.socket, sockets: Sequence[socket.socket], vocabularies: Vocabularies) -> int:
    """Serve until told to leave; gives the exit status. `end` is our end of the socket to the supervisor."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a terminal sends them to everybody; the supervisor says what to do
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_work(end, sockets, vocabularies))
    except Exception:
        log.critical("worker_crashed", pid=os.getpid(), exc_info=True)
        return 1
    return 0


async def _work(end: socket.socket, sockets: Sequence[socket.socket], vocabularies: Vocabularies) -> None:
    channel = await Channel.on(end)
    begin = await channel.order()
    if not isinstance(begin, Begin):
        return  # the supervisor was gone before it could say anything
    secrets = Secrets()
    config = _parsed(begin, begin.content)
    secrets.hide(config)
    store = Store.connect(begin.store_url)
    try:
        async with asyncio.TaskGroup() as group:
            async with assembled(config, store, vocabularies) as assembly:
                worker = Worker(channel, begin, assembly, secrets, group)
                assembly.app.gateway.metrics.generation(begin.generation)  # 0 would be the oldest of all
                store.on_change.append(worker.stands)
                with suppress(StoreUnavailable):
                    await store.ready()  # what was left behind is brought there first
                worker.stands()
                async with worker.taking_calls(sockets):
                    settle()  # looking through what is loaded now took 70 ms each time
                    worker.serves(begin.generation)
                    tidying = group.create_task(keep_tidy(Cycles()))
                    await worker.obey()
            tidying.cancel()
            worker.stop_listening()
    finally:
        await store.close()
        channel.close()


def standing_of(gateway: Gateway) -> Standing:
    """Give how a worker stands with its store."""
    admits = [part.breaker.is_closed for part in gateway.store.parts()]
    without = gateway.ledger.goes_on_without_store
    return Standing(everywhere=all(admits), somewhere=any(admits), without=without)


def _parsed(begin: Begin, content: bytes) -> Config:
    return parse(content, Path(begin.source), os.environ, host=begin.host, port=begin.port)


class Worker:
    """Between the first message and the end."""

    def __init__(
        self, channel: Channel, begin: Begin, assembly: Assembly, secrets: Secrets, group: asyncio.TaskGroup
    ) -> None:
        self._channel = channel
        self._begin = begin
        self._assembly = assembly
        self._secrets = secrets
        self._leaving = asyncio.Event()
        self._hurry = asyncio.Event()
        self._linger_seconds = 0.0
        self._drain_seconds: float | None = None
        self._reload = asyncio.Lock()
        self._group = group
        self._listening: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def taking_calls(self, sockets: Sequence[socket.socket]) -> AsyncIterator[None]:
        """Take calls until the block ends; then those in flight have `server.drain_seconds`."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._told_by_somebody_else)
        server = self._assembly.app.server()
        runner = web.ServerRunner(server, handle_signals=False, shutdown_timeout=CUT_SECONDS)
        await runner.setup()
        await listen(runner, sockets)
        try:
            yield
        finally:
            for site in runner.sites:
                await site.stop()
            for one in sockets:
                one.close()
            await self._drain(server)
            await runner.cleanup()

    def stands(self) -> None:
        """Tell how this worker stands with the store."""
        self._channel.send(standing_of(self._assembly.app.gateway))

    def serves(self, generation: int) -> None:
        """Tell that the next call is under the configuration of this generation."""
        self._assembly.app.gateway.metrics.generation(generation)
        self._channel.send(Serving(generation))

    async def obey(self) -> None:
        """Do what the supervisor says until it is time to leave."""
        self._listening = self._group.create_task(self._listen())
        await self._leaving.wait()

    def stop_listening(self) -> None:
        """Hear nothing more: we end ourselves."""
        if self._listening is not None:
            self._listening.cancel()

    async def _listen(self) -> None:
        while (order := await self._channel.order()) is not None:
            match order:
                case Ping():
                    self._channel.send(Pong())
                case Reload():
                    _ = self._group.create_task(self._reloaded(order))
                case Leave():
                    self._leave(order.linger_seconds)
                case Hurry():
                    self._hurry.set()
                case Begin():
                    raise AssertionError("a worker begins once")
        log.warning("supervisor_gone", pid=os.getpid(), drain_seconds=ORPHAN_SECONDS)
        self._drain_seconds = self._assembly.settling_seconds = ORPHAN_SECONDS
        self._leave(0.0)
        await asyncio.sleep(ORPHAN_SECONDS)
        self._hurry.set()

    async def _reloaded(self, order: Reload) -> None:
        """Change the configuration; one that cannot be built leaves the old one in force."""
        async with self._reload:
            try:
                config = await asyncio.to_thread(_parsed, self._begin, order.content)
            except ConfigError as error:  # the supervisor has read the same bytes: a file they name has gone since
                self._channel.send(Serving(order.generation, str(error)))
                return
            self._secrets.hide(config)
            change = asyncio.ensure_future(self._assembly.reload(config))
            await asyncio.wait({change})  # which fails for nothing: whatever it was, the calls in flight go on
            failure = change.exception()
            if failure is not None:
                log.error("reload_failed", pid=os.getpid(), generation=order.generation, exc_info=failure)
                self._channel.send(Serving(order.generation, type(failure).__name__))
                return
            self.stands()
            self.serves(order.generation)

    def _leave(self, linger_seconds: float) -> None:
        self._linger_seconds = linger_seconds
        self._leaving.set()

    def _told_by_somebody_else(self) -> None:
        """Leave on a SIGTERM of our own; the supervisor hears of it, and needs not count it as a death."""
        self._channel.send(Leaving())
        self._leave(0.0)

    async def _drain(self, server: Server) -> None:
        """Let calls come to their end, as long as there is time."""
        configured = self._assembly.app.gateway.config.server.drain_seconds
        seconds = configured if self._drain_seconds is None else self._drain_seconds
        clock = asyncio.get_running_loop().time
        deadline = clock() + seconds
        hurried = asyncio.ensure_future(self._hurry.wait())
        left = asyncio.ensure_future(server.leave(min(self._linger_seconds, seconds)))
        await asyncio.wait({hurried, left}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        left.cancel()
        self._assembly.finish_seconds = 0.0 if self._hurry.is_set() else max(0.0, deadline - clock())
