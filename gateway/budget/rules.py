"""Which budgets apply to a call: the company's, the user's three quotas, and the `budgets:` that match. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from gateway.budget import keys
from gateway.budget.windows import code
from gateway.model import (
    Budget,
    BudgetRule,
    Calendar,
    Caller,
    Company,
    Enforcement,
    Match,
    Period,
    Quotas,
    Rolling,
    Scope,
    Unit,
    User,
    Window,
)

_MOST_KNOWN = 4096
_MOST_USERS = 16_384
COMPANY_BUDGET = "company"
QUOTA_NAMES = {Period.DAY: "user-daily", Period.WEEK: "user-weekly", Period.MONTH: "user-monthly"}


class Target(NamedTuple):
    """What a `match` looks at: the provider's name, the model as the upstream knows it, the purpose's code."""

    provider: str
    model: str
    purpose: str


def budget_id(name: str, unit: Unit, window: Window) -> str:
    """Give a budget's name in the store: another window or unit is another budget, whose count begins anew."""
    suffix = "" if unit is Unit.TOKENS else f".{unit.value}"
    return f"{name}@{code(window)}{suffix}"


class Rules:
    """Applies the configured limits to callers."""

    def __init__(self, defaults: Quotas, enforcement: Enforcement, rules: Sequence[BudgetRule]) -> None:
        self._defaults = defaults
        self._enforcement = enforcement
        self._rules = tuple(rules)
        self._known: dict[tuple[object, ...], tuple[Budget, ...]] = {}
        self._quotas: dict[tuple[str, str], tuple[Budget, ...]] = {}

    def of(self, caller: Caller, target: Target) -> tuple[Budget, ...]:
        """Give every budget that a call of `caller` to `target` counts in; worked out once for each such pair."""
        user, agent = caller.user, caller.agent
        pair = (caller.key.sha256, user and user.id, agent and agent.id, *target)
        known = self._known.get(pair)
        if known is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            known = self._known[pair] = (
                *self.standing(caller),
                *(
                    budget
                    for rule in self._rules
                    if matches(rule.match, target)
                    for budget in _applied(rule, caller, target.provider)
                ),
            )
        return known

    def all_of(self, caller: Caller) -> tuple[Budget, ...]:
        """Give every budget that some call of `caller` could count in: what `/v1/budget` shows.

        What spans companies is left out: its numbers tell of the others.
        """
        return (*self.standing(caller), *(budget for rule in self._rules for budget in _applied(rule, caller)))

    def standing(self, caller: Caller) -> tuple[Budget, ...]:
        """Give the company's budget and the user's quotas: they count every call."""
        if caller.company is None:
            return ()
        company = (self.company_budget(caller.company),)
        return company if caller.user is None else company + self._quotas_of(caller.company, caller.user)

    def _quotas_of(self, company: Company, user: User) -> tuple[Budget, ...]:
        """Give a user's quotas, the same objects for every key, model and purpose: slices know them by identity."""
        which = company.id, user.id
        quotas = self._quotas.get(which)
        if quotas is None:
            if len(self._quotas) >= _MOST_USERS:
                self._quotas.clear()
            quotas = self._quotas[which] = self.quota_budgets(company, user)
        return quotas

    def company_budget(self, company: Company) -> Budget:
        """Give a company's rolling budget."""
        window = Rolling(company.budget.window_days)
        return Budget(
            id=budget_id(COMPANY_BUDGET, Unit.TOKENS, window),
            name=COMPANY_BUDGET,
            scope=Scope.COMPANY,
            subject=keys.company_subject(company.id),
            unit=Unit.TOKENS,
            window=window,
            limit=company.budget.tokens,
            enforcement=self._enforcement,
            timezone=company.timezone,
            sliced=company.budget.sliced,
        )

    def quota_budgets(self, company: Company, user: User) -> tuple[Budget, ...]:
        """Give a user's quotas of the day, the week and the month, own limits before the defaults."""
        return tuple(
            Budget(
                id=budget_id(name, Unit.TOKENS, Calendar(period)),
                name=name,
                scope=Scope.USER,
                subject=keys.user_subject(company.id, user.id),
                unit=Unit.TOKENS,
                window=Calendar(period),
                limit=_effective(period, user.quotas, self._defaults),
                enforcement=self._enforcement,
                timezone=company.timezone,
            )
            for period, name in QUOTA_NAMES.items()
        )


def matches(match: Match, target: Target) -> bool:
    """Say whether a target fits every part of a match."""
    # A model in any case: its upstream may not mind, and that must not lead past a budget.
    model = (match.model and match.model.casefold(), target.model.casefold())
    pairs = ((match.provider, target.provider), model, (match.purpose, target.purpose))
    return all(pattern is None or fnmatchcase(value, pattern) for pattern, value in pairs)


def _effective(period: Period, own: Quotas, defaults: Quotas) -> int:
    field = {Period.DAY: "daily", Period.WEEK: "weekly", Period.MONTH: "monthly"}[period]
    for quotas in (own, defaults):
        limit: int | None = getattr(quotas, field)
        if limit is not None:
            return limit
    return -1


def _applied(rule: BudgetRule, caller: Caller, provider: str | None = None) -> Iterable[Budget]:
    spans = rule.scope.spans_companies
    subject = _spanning_subject(rule.scope, provider) if spans else _subject(rule, caller)
    if subject is None or caller.company is None:
        return
    yield budget_of(rule, subject, caller.company.timezone)


def budget_of(rule: BudgetRule, subject: str, company_zone: str) -> Budget:
    """Apply a rule to one holder of its counter; one that spans companies has a zone of its own, and is sliced."""
    spans = rule.scope.spans_companies
    return Budget(
        id=budget_id(rule.name, rule.unit, rule.window),
        name=rule.name,
        scope=rule.scope,
        subject=subject,
        unit=rule.unit,
        window=rule.window,
        limit=rule.limit,
        enforcement=rule.enforcement,
        timezone=rule.timezone if spans else company_zone,
        sliced=rule.sliced or spans,
    )


def spanning(rules: Iterable[BudgetRule], providers: Iterable[str]) -> Iterator[tuple[str, Budget]]:
    """Give every budget that counts all companies together, with its provider ("" for the whole installation's)."""
    names = tuple(providers)
    for rule in rules:
        if rule.scope is Scope.INSTALLATION:
            yield "", budget_of(rule, keys.installation_subject(), "")
        elif rule.scope is Scope.PROVIDER:
            for name in names:
                if fnmatchcase(name, rule.match.provider or "*"):
                    yield name, budget_of(rule, keys.provider_subject(name), "")


def _spanning_subject(scope: Scope, provider: str | None) -> str | None:
    """Give the holder of a counter that spans companies; None where the call's provider is not known."""
    if provider is None:
        return None
    return keys.provider_subject(provider) if scope is Scope.PROVIDER else keys.installation_subject()


def _subject(rule: BudgetRule, caller: Caller) -> str | None:
    """Give the holder of a rule's counter for this caller; None where the rule is not about the caller."""
    company = caller.company
    if company is None:
        return None
    user_id = caller.user.id if caller.user else None
    agent_id = caller.agent.id if caller.agent else None
    pairs = (
        (rule.company_id, company.id),
        (rule.user_id, user_id),
        (rule.agent_id, agent_id),
        (rule.key_name, caller.key.name),
    )
    if any(wanted is not None and wanted != actual for wanted, actual in pairs):
        return None
    subjects = {
        Scope.COMPANY: keys.company_subject(company.id),
        Scope.USER: user_id and keys.user_subject(company.id, user_id),
        Scope.KEY: keys.key_subject(company.id, caller.key.name),
        Scope.AGENT: agent_id and keys.agent_subject(company.id, agent_id),
    }
    return subjects.get(rule.scope)
