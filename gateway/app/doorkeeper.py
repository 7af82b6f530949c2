"""Who shows no good key too often from one address: told so at once, without a line of the log for each.

The rule that matters: it costs good keys nothing while nobody tries wrong ones, and a look-up of the key while somebody
does; they are never refused here.
"""

import math
import time
from collections.abc import Mapping

from aiohttp import web

from gateway.api.entry import Entry
from gateway.app.addresses import addresses
from gateway.auth.credentials import read_key
from gateway.auth.tries import Tries
from gateway.config import Server as Terms
from gateway.errors import TooManyTries, Unauthenticated
from gateway.pipeline.gateway import Gateway

KEY_SEGMENT = "token"
"""The segment of a path that carries a key, where a path does."""


class Doorkeeper:
    """Counts requests that have shown no good key, by address; `terms` are those of the moment."""

    def __init__(self, terms: Terms) -> None:
        self._tries = Tries()
        self.set_terms(terms)

    def set_terms(self, terms: Terms) -> None:
        """Go on under other settings; what was counted stays."""
        self._per_minute = terms.wrong_keys_per_minute
        self._addresses = addresses(terms.trusted_proxies)

    def check(self, gateway: Gateway, request: web.BaseRequest, entry: Entry, params: Mapping[str, str]) -> None:
        """Refuse a request without a good key from where too many have come. Raises TooManyTries."""
        now = time.monotonic()
        if self._tries.is_calm(now) or not entry.asks_key or request.method == "OPTIONS":
            return
        block = self._addresses.block_of(request)
        wait = self._tries.wait_seconds(block, now, self._per_minute)
        if wait == 0 or _shows_good_key(gateway, request, params):
            return
        self._tries.note(block, now, self._per_minute)
        raise TooManyTries(math.ceil(wait))

    def note(self, request: web.BaseRequest) -> None:
        """Count a request that was answered with 401."""
        self._tries.note(self._addresses.block_of(request), time.monotonic(), self._per_minute)


def _shows_good_key(gateway: Gateway, request: web.BaseRequest, params: Mapping[str, str]) -> bool:
    try:
        gateway.callers.holder(params.get(KEY_SEGMENT) or read_key(request.headers), now_ms=gateway.ledger.now_ms())
    except Unauthenticated:
        return False
    return True
