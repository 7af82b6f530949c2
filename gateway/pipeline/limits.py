"""What is left, in headers: the IETF's RateLimit fields for every budget, OpenAI's for the tightest. Pure.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ (the form of drafts 08 to 10), and
https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from gateway.budget.windows import code, length_seconds
from gateway.model import Budget, Level, Unit

_MOST = 999_999_999_999_999
"""The largest integer of a structured field (RFC 9651 section 3.3.1)."""
_MOST_KNOWN = 4096
_QUOTA_UNITS = {Unit.IN_FLIGHT: "concurrent-requests", Unit.USD: "usd-micros"}


def headers(levels: Sequence[Level], now_ms: int) -> dict[str, str]:
    """Give the headers of an answer or a refusal; unlimited budgets are left out."""
    policies, lefts = [], []
    tightest: tuple[int, int, int | None] | None = None
    for level in levels:
        left = level.remaining
        if left is None:
            continue
        limit, resets_at_ms = level.limit, level.resets_at_ms
        _, _, policy, name, counts_tokens = _policies.of(level.budget, limit)
        # Where everything is blocked, waiting does not help.
        wait = None if resets_at_ms is None or limit == 0 else seconds_until(resets_at_ms, now_ms)
        shown_left = f"{name};r={min(left, _MOST)}"
        policies.append(policy)
        lefts.append(shown_left if wait is None else f"{shown_left};t={wait}")
        if counts_tokens and (tightest is None or left < tightest[0]):
            tightest = left, limit, wait
    if not policies:
        return {}
    fields = {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(lefts)}
    if tightest is not None:
        left, limit, wait = tightest
        fields["x-ratelimit-limit-tokens"] = str(limit)
        fields["x-ratelimit-remaining-tokens"] = str(left)
        if wait is not None:
            fields["x-ratelimit-reset-tokens"] = f"{wait}s"
    return fields


def seconds_until(at_ms: int, now_ms: int) -> int:
    """Give the whole seconds until an instant, rounded up, at least 0."""
    return -((now_ms - at_ms) // 1000) if at_ms > now_ms else 0


def instant(at_ms: int | None) -> str | None:
    """Give an instant as `2026-11-23T00:00:00Z` (RFC 3339), rounded up to the second."""
    if at_ms is None:
        return None
    return datetime.fromtimestamp(-(-at_ms // 1000), UTC).isoformat().replace("+00:00", "Z")


def shown(level: Level) -> dict[str, str | int | None]:
    """Give a budget's numbers as our own endpoint and refusals show them.

    limit and remaining are null if unlimited, window is where only calls in flight are counted. Dollars are shown as
    integers of micro-dollars, under the unit `usd_micros`.
    """
    budget = level.budget
    return {
        "name": budget.name,
        "scope": budget.scope.value,
        "window": None if budget.unit is Unit.IN_FLIGHT else code(budget.window),
        "unit": "usd_micros" if budget.unit is Unit.USD else budget.unit.value,
        "enforcement": budget.enforcement.value,
        "limit": None if level.remaining is None else level.limit,
        "used": level.used,
        "held": level.held,
        "remaining": level.remaining,
        "resets_at": instant(level.resets_at_ms),
    }


_Policy = tuple[Budget, int, str, str, bool]
"""A budget under its effective limit: what its policy reads like, its name in quotes, whether it counts tokens."""


class _Policies:
    """What a budget's policy reads like. Calls name the same few budgets again, as the same objects."""

    def __init__(self) -> None:
        self._known: dict[int, _Policy] = {}

    def of(self, budget: Budget, limit: int) -> _Policy:
        """Give the policy of a budget under its effective limit."""
        known = self._known.get(id(budget))
        # What is kept holds its budget, so no other can come to have the same identity meanwhile.
        if known is None or known[0] is not budget or known[1] != limit:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[id(budget)] = _policy(budget, limit)
        return known


_policies = _Policies()


def _policy(budget: Budget, limit: int) -> _Policy:
    window = length_seconds(budget.window)
    name = f'"{budget.name}"'
    text = f'{name};q={min(limit, _MOST)};qu="{_unit(budget)}"'
    policy = text if window is None else f"{text};w={window}"
    return budget, limit, policy, name, budget.unit is Unit.TOKENS


def _unit(budget: Budget) -> str:
    return _QUOTA_UNITS.get(budget.unit, budget.unit.value)
