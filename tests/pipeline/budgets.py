"""Budgets, levels and refusals as values, for the pure tests."""

from gateway.budget import Ask, Order, Refusal, Verdict
from gateway.model import (
    MICROS,
    Budget,
    Calendar,
    Enforcement,
    Fixed,
    Level,
    Lifetime,
    Period,
    Rolling,
    Scope,
    Unit,
    Window,
)

NOW_MS = 1_800_000_000_000
"""2027-01-15T08:00:00Z."""
DAY = Calendar(Period.DAY)
MINUTE = Fixed(60)
MONTH = Rolling(30)
EVER = Lifetime()


def budget(name: str = "b", window: Window = DAY, *, unit: Unit = Unit.TOKENS, limit: int = 1_000) -> Budget:
    """Give a budget of the company acme."""
    return Budget(name, name, Scope.COMPANY, "acme", unit, window, limit, Enforcement.HARD)


def level(of: Budget, used: int = 0, held: int = 0, resets_at_ms: int | None = None) -> Level:
    """Give a budget's numbers."""
    return Level(of, of.limit, used, held, resets_at_ms)


def refusal(*rows: tuple[Level, Verdict, int | None], prompt_tokens: int = 100, least_tokens: int = 1) -> Refusal:
    """Give a refused order: per budget its numbers, its verdict and when to come back (ms)."""
    asks = tuple(
        Ask(one.budget, prompt_tokens, MICROS) if one.budget.unit is Unit.TOKENS else Ask(one.budget, 1, 0)
        for one, _, _ in rows
    )
    order = Order("call", "acme", asks, want_tokens=least_tokens, least_tokens=least_tokens)
    return Refusal(order, NOW_MS, tuple((verdict, at) for _, verdict, at in rows), tuple(one for one, _, _ in rows))
