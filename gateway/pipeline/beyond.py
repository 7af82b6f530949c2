"""What a call sets aside anew when its lease has expired: the store was away for longer, or this process hung.

The rule that matters: all that was held was charged as it expired, and the settle corrects that. What comes beyond it
needs a hold of its own, or nobody would keep the limit; it is held and never charged: the call's settle says it all.
"""

from gateway.budget import Ask, Extension, Lease, Ledger, Order, Refusal, Verdict
from gateway.model import Level


class Beyond:
    """The hold beyond what one expired `lease` had."""

    def __init__(self, ledger: Ledger, lease: Lease) -> None:
        self._ledger = ledger
        self._expired = lease
        self._lease: Lease | None = None
        self._count = 0

    async def grow_to(self, want_tokens: int) -> Extension:
        """Set aside what `want_tokens` of completion, in all, go beyond the lease. Raises StoreUnavailable."""
        base = self._expired.granted_tokens
        if self._lease is not None:
            extension = await self._ledger.extend(self._lease, want_tokens - base)
            if not extension.gone:
                return self._grown(base + extension.granted_tokens, extension.refused_by)
        outcome = await self._ledger.reserve(self._order(want_tokens - base))
        if isinstance(outcome, Refusal):
            verdicts = zip(outcome.verdicts, outcome.levels, strict=True)
            return Extension(base, refused_by=next(level for (one, _), level in verdicts if one is not Verdict.ROOM))
        self._lease = outcome
        return self._grown(base + outcome.granted_tokens)

    async def keep_alive(self) -> None:
        """Move the deadline."""
        if self._lease is not None:
            await self._ledger.extend(self._lease)

    def release(self) -> None:
        """Hold nothing any more."""
        if self._lease is not None:
            _ = self._ledger.release(self._lease)
            self._lease = None

    def _grown(self, granted_tokens: int, refused_by: Level | None = None) -> Extension:
        self._ledger.grown(self._expired, granted_tokens)
        return Extension(granted_tokens, refused_by)

    def _order(self, want_tokens: int) -> Order:
        """Ask for completion tokens alone: what a call counts once it was charged for."""
        self._count += 1
        order = self._expired.order
        asks = tuple([Ask(ask.budget, 0, ask.rate_micros) for ask in order.asks if ask.rate_micros > 0])
        call_id = f"{order.call_id}+{self._count}"
        return Order(call_id, order.company_id, asks, want_tokens, 1, who=order.who, charged_if_expired=False)
