"""A refused reservation as the error a client gets: which budget, how much is left, and whether to come back. Pure.

- Only holds stand in the way, or the window is 60 s or less, or it is an in-flight cap: `rate_limited`, come back soon.
- The budget is spent: `budget_exceeded`, come back at the instant when the call fits.
- The call alone is larger than the limit: `request_exceeds_budget`, do not come back.
"""

from gateway.budget import Ask, Refusal, Verdict, held_for
from gateway.budget.windows import length_seconds
from gateway.errors import BudgetRefused
from gateway.model import Level, Unit, dollars
from gateway.pipeline.limits import headers, instant, seconds_until, shown

SHORT_WINDOW_SECONDS = 60
_NEVER_MS = 1 << 53
_INVITE = "rate_limit_exceeded"
_SPENT = "insufficient_quota"


def refused(refusal: Refusal) -> BudgetRefused:
    """Give the error of the budget that keeps the call waiting longest."""
    places = range(len(refusal.verdicts))
    place = max(places, key=lambda at: _severity(refusal, at))
    verdict, retry_at_ms = refusal.verdicts[place]
    return budget_error(
        refusal.order.asks[place],
        refusal.levels[place],
        requested=held_for(refusal.order.asks[place], refusal.order.least_tokens),
        verdict=verdict,
        retry_at_ms=retry_at_ms,
        now_ms=refusal.now_ms,
        levels=refusal.levels,
    )


def cut_short(level: Level) -> BudgetRefused:
    """Give the error that ends a stream which its budget cannot carry any further."""
    message = f"{_named(level)} is used up: the answer was cut. {_numbers(level)}"
    return BudgetRefused(message, type_=_SPENT, code="budget_exceeded", budget=shown(level), headers={})


def budget_error(
    ask: Ask,
    level: Level,
    *,
    requested: int,
    verdict: Verdict,
    retry_at_ms: int | None,
    now_ms: int,
    levels: tuple[Level, ...],
) -> BudgetRefused:
    """Say why one budget refuses `requested` units, with true Retry-After and RateLimit headers."""
    window = length_seconds(ask.budget.window)
    is_short = window is not None and window <= SHORT_WINDOW_SECONDS
    budget = shown(level) | {"requested": requested}
    fields = headers(levels, now_ms)
    wanted = f"this call needs {_amount(requested, ask.budget.unit)}"
    if verdict is Verdict.BUSY or (verdict is Verdict.SPENT and is_short):
        seconds = 1 if retry_at_ms is None else min(max(seconds_until(retry_at_ms, now_ms), 1), SHORT_WINDOW_SECONDS)
        fields["Retry-After"] = str(seconds)
        message = f"{_named(level)} has no room at the moment: {wanted}. {_numbers(level)}"
        return BudgetRefused(message, type_=_INVITE, code="rate_limited", budget=budget, headers=fields)
    fields["x-should-retry"] = "false"
    if verdict is Verdict.TOO_LARGE:
        limit = _number(level.limit, ask.budget.unit)
        message = f"{_named(level)} is smaller than this call: {wanted}, the limit is {limit}."
        return BudgetRefused(message, type_=_SPENT, code="request_exceeds_budget", budget=budget, headers=fields)
    if level.limit == 0:
        budget["resets_at"] = None
        message = f"{_named(level)} is blocked: its limit is 0."
        return BudgetRefused(message, type_=_SPENT, code="budget_exceeded", budget=budget, headers=fields)
    if retry_at_ms is not None:
        budget["resets_at"] = instant(retry_at_ms)
        fields["Retry-After"] = str(max(1, seconds_until(retry_at_ms, now_ms)))
    when = f" It fits again at {budget['resets_at']}." if retry_at_ms is not None else ""
    message = f"{_named(level)} is spent: {wanted}. {_numbers(level)}{when}"
    return BudgetRefused(message, type_=_SPENT, code="budget_exceeded", budget=budget, headers=fields)


def _severity(refusal: Refusal, place: int) -> tuple[int, int]:
    verdict, retry_at_ms = refusal.verdicts[place]
    return verdict, _NEVER_MS if retry_at_ms is None else retry_at_ms


def _named(level: Level) -> str:
    budget = level.budget
    return f"Budget '{budget.name}' ({shown(level)['window'] or 'in flight'}, per {budget.scope.value})"


def _amount(number: int, unit: Unit) -> str:
    if unit is Unit.USD:
        return _number(number, unit)
    singular, plural = {
        Unit.TOKENS: ("token", "tokens"),
        Unit.REQUESTS: ("request", "requests"),
        Unit.IN_FLIGHT: ("call in flight", "calls in flight"),
    }[unit]
    return f"{number} {singular if number == 1 else plural}"


def _number(number: int, unit: Unit) -> str:
    return f"${dollars(number)}" if unit is Unit.USD else str(number)


def _numbers(level: Level) -> str:
    unit = level.budget.unit
    limit, used, held, remaining = (
        _number(n, unit) for n in (level.limit, level.used, level.held, level.remaining or 0)
    )
    return f"Of {limit}, {used} are used and {held} held; {remaining} remain."
