"""The ledger in plain Python: charges and leases kept as lists, every number computed from them when asked."""

from dataclasses import dataclass, field
from math import ceil

from gateway.budget.windows import DAY_MS, bounds_ms, bucket_width_ms
from gateway.budget.wire import Ask
from gateway.model import Budget, Calendar, Enforcement, Fixed, Lifetime, Rolling, Unit

SHARE_LEAST = 256


def cost(tokens: int, rate_micros: int) -> int:
    return ceil(tokens * rate_micros / 1_000_000)


@dataclass
class Lease:
    """A live hold."""

    admitted_ms: int
    deadline_ms: int
    granted: int
    charged_if_expired: bool
    asks: tuple[Ask, ...]
    reserved: list[int]


@dataclass
class Charge:
    """What a call was charged, one amount per budget, at its admission."""

    admitted_ms: int
    asks: tuple[Ask, ...]
    amounts: list[int]
    how: str
    granted: int = 0


@dataclass
class Model:
    """All that the store should know."""

    leases: dict[str, Lease] = field(default_factory=dict)
    charges: dict[str, Charge] = field(default_factory=dict)
    limits: dict[tuple[str, str], int] = field(default_factory=dict)

    def limit(self, budget: Budget) -> int:
        return self.limits.get((budget.subject, budget.id), budget.limit)

    def counts_at(self, budget: Budget, admitted_ms: int, now_ms: int) -> bool:
        """Say whether a charge admitted then is still in the window that holds now."""
        match budget.window:
            case Rolling(days):
                width = bucket_width_ms(days)
                return admitted_ms // width >= now_ms // width - days * DAY_MS // width
            case Calendar(period):
                return bounds_ms(period, budget.timezone, now_ms)[0] <= admitted_ms
            case Fixed(seconds):
                return admitted_ms // (seconds * 1000) == now_ms // (seconds * 1000)
            case Lifetime():
                return True

    def used(self, budget: Budget, now_ms: int) -> int:
        return sum(
            amount
            for charge in self.charges.values()
            if self.counts_at(budget, charge.admitted_ms, now_ms)
            for ask, amount in zip(charge.asks, charge.amounts, strict=True)
            if (ask.budget.subject, ask.budget.id) == (budget.subject, budget.id)
        )

    def held(self, budget: Budget, now_ms: int) -> int:
        return sum(
            reserved
            for lease in self.leases.values()
            if isinstance(budget.window, Rolling) or self.counts_at(budget, lease.admitted_ms, now_ms)
            for ask, reserved in zip(lease.asks, lease.reserved, strict=True)
            if (ask.budget.subject, ask.budget.id) == (budget.subject, budget.id)
        )

    def room(self, ask: Ask, now_ms: int) -> int | None:
        """Give what is left after the minimum; None where nothing is enforced."""
        limit = self.limit(ask.budget)
        if limit < 0 or ask.budget.enforcement is Enforcement.SHADOW:
            return None
        return limit - self.used(ask.budget, now_ms) - self.held(ask.budget, now_ms) - ask.minimum

    def reserve(
        self,
        call: str,
        asks: tuple[Ask, ...],
        want: int,
        least: int,
        share: int,
        now_ms: int,
        lease_ms: int,
        charged_if_expired: bool,
    ) -> int | None:
        """Give the grant, or None when refused."""
        granted = want
        for ask in asks:
            room = self.room(ask, now_ms)
            if room is None:
                continue
            if room < cost(least, ask.rate_micros):
                return None
            if share > 1 and self.fitting(room, ask.rate_micros, want, share) < want:
                return None
            if ask.budget.enforcement is Enforcement.HARD:
                granted = min(granted, max(least, self.fitting(room, ask.rate_micros, want, share)))
        reserved = []
        for ask in asks:
            room = self.room(ask, now_ms)
            extra = cost(granted, ask.rate_micros)
            if room is not None and ask.budget.enforcement is Enforcement.SOFT:
                extra = min(room, cost(self.fitting(room, ask.rate_micros, granted, share), ask.rate_micros))
            reserved.append(ask.minimum + extra)
        self.leases[call] = Lease(now_ms, now_ms + lease_ms, granted, charged_if_expired, asks, reserved)
        return granted

    def fitting(self, room: int, rate: int, want: int, share: int) -> int:
        if rate == 0:
            return want
        tokens = max(0, room * 1_000_000 // rate)
        if share > 0:
            tokens = min(tokens, max(SHARE_LEAST, tokens // 8))
        return min(want, tokens)

    def extend(self, call: str, want: int, now_ms: int, lease_ms: int) -> int | None:
        """Give the grant after it, or None when refused."""
        lease = self.leases[call]
        if want > lease.granted:
            granted = want
            current = [
                isinstance(a.budget.window, Rolling) or self.counts_at(a.budget, lease.admitted_ms, now_ms)
                for a in lease.asks
            ]
            for ask, reserved, is_current in zip(lease.asks, lease.reserved, current, strict=True):
                room = self.room(ask, now_ms)
                if room is not None and is_current and ask.budget.enforcement is Enforcement.HARD:
                    granted = min(granted, self.fitting(room + reserved, ask.rate_micros, want, share=False))
            if granted <= lease.granted:
                return None
            lease.granted = granted
            for place, ask in enumerate(lease.asks):
                if current[place]:
                    wanted = ask.minimum + cost(granted, ask.rate_micros)
                    lease.reserved[place] = max(lease.reserved[place], wanted)
        lease.deadline_ms = now_ms + lease_ms
        return lease.granted

    def settle(self, call: str, amounts: list[int]) -> str:
        if call in self.leases:
            lease = self.leases.pop(call)
            self.charges[call] = Charge(lease.admitted_ms, lease.asks, amounts, "settled")
            return "settled"
        charge = self.charges[call]
        if charge.how == "expired":
            charge.amounts, charge.how = amounts, "settled"
            return "corrected"
        return "already"

    def reap(self, now_ms: int) -> int:
        gone = [call for call, lease in self.leases.items() if lease.deadline_ms <= now_ms]
        for call in gone:
            lease = self.leases.pop(call)
            amounts = [
                ask.minimum + cost(lease.granted, ask.rate_micros)
                if lease.charged_if_expired and ask.budget.unit is not Unit.IN_FLIGHT
                else 0
                for ask in lease.asks
            ]
            self.charges[call] = Charge(lease.admitted_ms, lease.asks, amounts, "expired", lease.granted)
        return len(gone)
