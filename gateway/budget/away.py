"""What calls may still take while the store is away: nothing, a bounded allowance, or whatever they ask.

The rule that matters: what was taken comes back only when the store has the charge. So in an outage a company takes no
more from one worker than its allowance, and what a call's estimate was wrong by.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from gateway.budget.amounts import held_for
from gateway.budget.lease import Lease, Order
from gateway.budget.wire import Ask
from gateway.model import MICROS, Enforcement, OnFailure, Unit

log = structlog.get_logger("ledger")


@dataclass(slots=True)
class _Taken:
    """What one call has of its company's allowance, beyond the `base` that the store holds for it."""

    company_id: str
    base: int
    tokens: int = 0


class Away:
    """Allowances of one process. `on_taken` is told of weighted tokens as they are taken, and of how many calls."""

    def __init__(
        self,
        policy: OnFailure = OnFailure.CLOSED,
        *,
        grace_tokens: int = 0,
        on_taken: Callable[[int, int], None] = lambda _tokens, _calls: None,
    ) -> None:
        self.policy = policy
        self._grace_tokens = grace_tokens
        self._on_taken = on_taken
        self._companies: Counter[str] = Counter()
        self._calls: dict[str, _Taken] = {}

    def follow(self, policy: OnFailure, *, grace_tokens: int) -> None:
        """Decide by another configuration from now on, in an outage too; what calls have taken stays taken."""
        self.policy, self._grace_tokens = policy, grace_tokens

    @property
    def needs_record(self) -> bool:
        """Whether a call may only be sent once its record is on the disk."""
        return self.policy is OnFailure.GRACE

    def admit(self, order: Order) -> int | None:
        """Take what an order asks; gives the completion tokens granted, None where it is refused."""
        if self.policy is OnFailure.CLOSED or any(_is_blocked(ask) for ask in order.asks):
            return None
        ask = _token_ask(order)
        granted = order.want_tokens
        if self.policy is OnFailure.GRACE and ask is not None:
            room = self._grace_tokens - self._companies[order.company_id] - ask.minimum
            if ask.rate_micros:
                granted = min(granted, room * MICROS // ask.rate_micros)
            if room < 0 or granted < order.least_tokens:
                return None
        self._take(order, 0, held_for(ask, granted) if ask else 0)
        return granted

    def grow(self, lease: Lease, want_tokens: int) -> bool:
        """Let a hold reach `want_tokens`; False where the allowance does not."""
        order = lease.order
        ask = _token_ask(order)
        if self.policy is OnFailure.CLOSED or ask is None:
            return self.policy is OnFailure.OPEN
        known = self._calls.get(order.call_id)
        base = held_for(ask, lease.granted_tokens)
        before = known.base + known.tokens if known else base
        more = max(0, held_for(ask, want_tokens) - before)
        taken = self._companies[order.company_id]
        if self.policy is OnFailure.GRACE and taken + more > self._grace_tokens:
            return False
        self._take(order, base, more)
        return True

    def settled(self, lease: Lease, amounts: Sequence[int]) -> None:
        """Let a call have what it used instead of what was taken for it."""
        known = self._calls.get(lease.order.call_id)
        if known is not None:
            asks = lease.order.asks
            used = next((n for ask, n in zip(asks, amounts, strict=True) if ask.budget.unit is Unit.TOKENS), 0)
            beyond = max(0, used - known.base)
            self._companies[known.company_id] += beyond - known.tokens
            known.tokens = beyond

    def paid(self, call_id: str) -> None:
        """Give back what a call had: the store has its charge."""
        known = self._calls.pop(call_id, None)
        if known is not None:
            self._companies[known.company_id] -= known.tokens
            if not self._companies[known.company_id]:
                del self._companies[known.company_id]

    def _take(self, order: Order, base: int, tokens: int) -> None:
        if not self._calls:
            log.error("calls_without_store", policy=self.policy.value, grace_tokens=self._grace_tokens)
        is_new = order.call_id not in self._calls and base == 0
        known = self._calls.setdefault(order.call_id, _Taken(order.company_id, base))
        known.tokens += tokens
        self._companies[order.company_id] += tokens
        self._on_taken(tokens, int(is_new))


def _token_ask(order: Order) -> Ask | None:
    return next((ask for ask in order.asks if ask.budget.unit is Unit.TOKENS), None)


def _is_blocked(ask: Ask) -> bool:
    return ask.budget.limit == 0 and ask.budget.enforcement is not Enforcement.SHADOW
