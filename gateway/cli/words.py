"""Owns how limits, windows and instants are put into words. Pure."""

from gateway.config import Config
from gateway.model import (
    UNLIMITED,
    Budget,
    BudgetRule,
    Calendar,
    Fixed,
    Level,
    Lifetime,
    Rolling,
    Scope,
    Unit,
    Window,
    dollars,
)
from gateway.pipeline.limits import instant

DASH = "-"


def amount_words(amount: int, unit: Unit) -> str:
    """Give an amount in a budget's unit: `3,000`, `$12.50`."""
    return f"${dollars(amount)}" if unit is Unit.USD else f"{amount:,}"


def limit_words(limit: int) -> str:
    """Give a limit: `3,000`, `unlimited` or `blocked`."""
    if limit == UNLIMITED:
        return "unlimited"
    return f"{limit:,}" if limit else "blocked"


def window_words(window: Window) -> str:
    """Give a window as it follows a limit: `in any 30 days`, `a week`, `in 60 seconds`, `for ever`."""
    match window:
        case Rolling(days):
            return "in any day" if days == 1 else f"in any {days} days"
        case Calendar(period):
            return f"a {period.value}"
        case Fixed(seconds):
            return f"in {seconds:,} seconds"
        case Lifetime():
            return "for ever"


def count_words(limit: int, unit: Unit, window: Window) -> str:
    """Give what a budget allows: `100,000 tokens a day`, `3 at the same time`, `$12.50 a month`."""
    if unit is Unit.IN_FLIGHT:
        return f"{limit_words(limit)} at the same time"
    if unit is Unit.USD:
        return f"{'unlimited dollars' if limit == UNLIMITED else amount_words(limit, unit)} {window_words(window)}"
    return f"{limit_words(limit) if limit else '0'} {unit.value} {window_words(window)}"


def subject_words(rule: BudgetRule, config: Config) -> str:
    """Give whom a `budgets:` entry is for: `company acme`, `each key of acme`, `key ci`, `the installation`."""
    if rule.scope is Scope.INSTALLATION:
        return "the installation"
    company = config.companies[rule.company_id].name if rule.company_id else None
    own = {
        Scope.COMPANY: company,
        Scope.USER: rule.user_id and config.users[rule.company_id or "", rule.user_id].name,
        Scope.KEY: rule.key_name,
        Scope.AGENT: rule.agent_id and config.agents[rule.agent_id].name,
    }.get(rule.scope)
    named = f"{rule.scope.value} {own}" if own else f"each {rule.scope.value}"
    return named if company is None or rule.scope is Scope.COMPANY else f"{named} of {company}"


def match_words(rule: BudgetRule) -> str:
    """Give which calls a `budgets:` entry counts."""
    match = rule.match
    parts = (("provider", match.provider), ("model", match.model), ("purpose", match.purpose))
    return ", ".join(f"{name} {glob}" for name, glob in parts if glob is not None) or "all calls"


def instant_words(at_ms: int | None) -> str:
    """Give an instant, UTC; a dash where there is none."""
    return instant(at_ms) or DASH


def remaining_words(level: Level) -> str:
    """Give what is left of a budget."""
    return "unlimited" if level.remaining is None else amount_words(level.remaining, level.budget.unit)


def scope_words(budget: Budget) -> str:
    """Give a budget's name and whose it is: `user-daily (user)`; the company's own budget is named for it."""
    return budget.name if budget.name == budget.scope.value else f"{budget.name} ({budget.scope.value})"
