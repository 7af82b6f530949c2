"""The hold of a stream reaches a tranche beyond what has come, before it is used up; else the stream is cut.

Only a hard budget that refuses more cuts a stream. A provider keeps to the bound it was given by its own count, which
may differ from ours: beyond it the hold grows on, and where it cannot, the stream has a tranche of doubt left.
"""

import math

from gateway.errors import GatewayError, StoreUnavailable
from gateway.pipeline import reckoning
from gateway.pipeline.admission import Admitted
from gateway.pipeline.gateway import Gateway
from gateway.pipeline.refusal import cut_short
from gateway.providers.format import Meter
from gateway.tokens import family_of


class Growth:
    """What has come of one stream, in tokens, and how far its hold reaches. `counted_tokens` were counted so far."""

    def __init__(self, gateway: Gateway, admitted: Admitted, meter: Meter) -> None:
        self.counted_tokens = 0
        self._gateway = gateway
        self._admitted = admitted
        self._meter = meter
        self._hold = admitted.hold
        self._tranche = gateway.config.ledger.tranche_tokens
        self._mark = self._next_mark()

    @property
    def is_due(self) -> bool:
        """Whether so much may have come that it has to be counted."""
        return self.counted_tokens + self._meter.unread_tokens + self._meter.bound_tokens >= self._mark

    @property
    def room_tokens(self) -> int:
        """How much may come before it has to be counted, at least 0."""
        seen = self.counted_tokens + self._meter.unread_tokens + self._meter.bound_tokens
        return max(0, self._mark - seen)

    async def advance(self) -> GatewayError | None:
        """Count what came; where the hold runs short, make it reach further. Gives the error that cuts the stream."""
        seen = await self._count()
        if seen < self._next_mark():
            return None
        wanted = seen + self._tranche
        if self._is_within_bound():
            wanted = min(wanted, self._admitted.bound_tokens or wanted)
        refusal: GatewayError | None = None
        try:
            extension = await self._hold.grow_to(wanted)
        except StoreUnavailable as error:
            is_grown, refusal = False, error
        else:
            is_grown = extension.refused_by is None
            refusal = cut_short(extension.refused_by) if extension.refused_by else None
        self._mark = self._next_mark() if is_grown else await self._covered()
        return None if is_grown or seen < self._mark else refusal

    async def _count(self) -> int:
        bound_tokens = self._meter.bound_tokens
        self.counted_tokens += bound_tokens  # a client that leaves meanwhile pays for it by the byte
        counted_tokens = await reckoning.count_received(self._gateway, self._admitted, self._meter)
        self.counted_tokens += counted_tokens - bound_tokens
        return self.counted_tokens + self._meter.unread_tokens

    def _is_within_bound(self) -> bool:
        bound = self._admitted.bound_tokens
        return bound is None or self._hold.granted_tokens < bound

    def _next_mark(self) -> int:
        """Give the tokens at which to look again: half a tranche before the hold ends, or beyond the bound."""
        return self._hold.granted_tokens + (-(self._tranche // 2) if self._is_within_bound() else 1)

    async def _covered(self) -> int:
        """Give how far a stream may go whose hold cannot grow."""
        granted = self._hold.granted_tokens
        spare = await reckoning.spare_tokens(self._gateway, self._admitted)
        if self._is_within_bound():
            return granted + spare
        route = self._admitted.route
        multiplier = family_of(route.model, route.provider.dialect).multiplier
        return math.ceil(granted * multiplier) + spare + self._tranche
