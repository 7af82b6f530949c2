"""What operators read, served by the supervisor itself: it answers when every worker is busy, or gone.

The rule that matters: nothing here changes anything, and nothing here shows a secret; no key is asked for, so it
listens on loopback unless the file says otherwise, and there no web page reads it under a name of its own (`hosts`).
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog
from aiohttp import web

from gateway import NAME
from gateway.app.hosts import Hosts
from gateway.app.listener import Server
from gateway.app.scrape import CONTENT_TYPE, scrape
from gateway.app.turned import TurnedAway
from gateway.budget import Ledger
from gateway.config import Config
from gateway.config import Server as Terms
from gateway.config.address import is_loopback
from gateway.errors import BadRequest, StoreUnavailable
from gateway.store import Store
from gateway.supervisor.child import State
from gateway.supervisor.pool import Pool

log = structlog.get_logger("supervisor")

Page = Callable[[], Awaitable[web.Response]]

MOST_CONNECTIONS = 64
"""A few scrapers and people; each scrape reads the store."""


class Admin:
    """The pages; `config` gives the current configuration."""

    def __init__(self, pool: Pool, store: Store, ledger: Ledger, config: Callable[[], Config], metrics: Path) -> None:
        self._pool = pool
        self._store = store
        self._ledger = ledger
        self._config = config
        self._metrics = metrics
        self._hosts = Hosts((), loopback_only=is_loopback(config().admin.host))
        self._pages: Mapping[str, Page] = {
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._scraped,
            "/workers": self._workers,
        }

    def server(self) -> Server:
        """Give the protocol factory to listen with; it waits for operators as long as for apps."""
        return Server(self._answer, self._terms, TurnedAway(lambda *_: None))

    def _terms(self) -> Terms:
        return replace(self._config().server, max_connections=MOST_CONNECTIONS)

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        answer = await self._answered(request)
        answer.headers["Server"] = NAME
        answer.headers["Cache-Control"] = "no-store"
        return answer

    async def _answered(self, request: web.BaseRequest) -> web.Response:
        try:
            self._hosts.check(request)
        except BadRequest as error:
            return _json({"error": error.message}, error.status)
        page = self._pages.get(request.raw_path.partition("?")[0])
        if page is None:
            return _json({"error": f"There is {', '.join(self._pages)}."}, 404)
        if request.method not in {"GET", "HEAD"}:
            answer = _json({"error": "Only GET."}, 405)
            answer.headers["Allow"] = "GET, HEAD"
            return answer
        return await page()

    async def _healthz(self) -> web.Response:
        return _json({"status": "ok"})

    async def _readyz(self) -> web.Response:
        """Answer what its workers would: whether calls are admitted, `degraded` where not all, or without the store."""
        is_whole, reason = False, ""
        try:
            is_whole = await self._store.ready()
        except StoreUnavailable as exc:
            reason = exc.message
        serving = [child.standing for child in self._pool.children if child.state is State.SERVING]
        admits = not reason and any(one.somewhere for one in serving)
        if not admits and not any(one.without for one in serving):
            why = reason or ("What the store missed is brought there first." if serving else "No worker serves.")
            return _json({"status": "not ready", "reason": why}, 503)
        is_ready = is_whole and all(one.everywhere for one in serving)
        return _json({"status": "ready" if is_ready else "degraded", "workers": len(serving)})

    async def _scraped(self) -> web.Response:
        body = await scrape(self._config(), self._ledger, self._metrics, self._pool.counted.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE})

    async def _workers(self) -> web.Response:
        rows = [
            {
                "pid": child.pid,
                "started": datetime.fromtimestamp(child.started, UTC).isoformat(timespec="milliseconds"),
                "state": child.state.value,
                "generation": child.generation,
            }
            for child in self._pool.children
        ]
        return _json({"workers": rows})


def _json(document: object, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(document), status=status, content_type="application/json")
