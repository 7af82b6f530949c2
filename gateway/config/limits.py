"""Owns `budgets:`: whom a limit is for, what it matches, over what time.

The rule that matters: a limit that could never count anything is refused, for someone believes that it protects them.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from gateway.config.fields import MAX_DOLLARS
from gateway.config.findings import Findings, Path
from gateway.config.people import People
from gateway.config.schema import BudgetSection, Document, WindowSection
from gateway.config.upstreams import has_model
from gateway.model import (
    MICROS,
    UNLIMITED,
    BudgetRule,
    Calendar,
    Fixed,
    Key,
    Lifetime,
    Match,
    Provider,
    Rolling,
    Scope,
    Unit,
    Window,
)

RESERVED_NAMES = frozenset({"company", "user-daily", "user-weekly", "user-monthly"})
"""What the ledger calls the company's budget and the user's quotas; a rule of that name would share their counters."""
_SUBJECTS = (Scope.USER, Scope.KEY, Scope.AGENT)


def build_budgets(
    document: Document,
    people: People,
    keys: Mapping[str, Key],
    providers: Mapping[str, Provider],
    findings: Findings,
) -> tuple[BudgetRule, ...]:
    """Make the rules, in the file's order; `keys` are by name."""
    rules = []
    seen: set[str] = set()
    for index, section in enumerate(document.budgets):
        path = ("budgets", index)
        if section.name in RESERVED_NAMES:
            findings.add((*path, "name"), "is the name of a budget that the gateway itself has")
        if section.name in seen:
            findings.add((*path, "name"), "is the name of another budget already")
        seen.add(section.name)
        _check_match(section, path, document, providers, findings)
        _check_subject(section, path, findings)
        _check_sliced(section, path, findings)
        company_id, user_id, key_name, agent_id = _subject(section, path, people, keys, findings)
        rules.append(
            BudgetRule(
                name=section.name,
                scope=section.scope,
                window=_window(section, path, findings),
                limit=_limit(section, path, findings),
                unit=section.unit,
                match=Match(**section.match.model_dump()),
                enforcement=section.enforcement or document.ledger.enforcement,
                company_id=company_id,
                user_id=user_id,
                key_name=key_name,
                agent_id=agent_id,
                sliced=section.scope.spans_companies or section.sliced is True,
                timezone=document.timezone,
            )
        )
    return tuple(rules)


def _check_sliced(section: BudgetSection, path: Path, findings: Findings) -> None:
    """Refuse slices where they would cost more than they save, and to do without where there is no other way."""
    if section.sliced is True and section.scope in _SUBJECTS:
        findings.add((*path, "sliced"), f"cannot be true, as the scope is {section.scope}")
    if section.sliced is False and section.scope.spans_companies:
        findings.add((*path, "sliced"), f"must be true, or left out, as the scope is {section.scope}")


def _check_subject(section: BudgetSection, path: Path, findings: Findings) -> None:
    if section.scope.spans_companies and section.company is not None:
        findings.add((*path, "company"), f"cannot stand here, as the scope is {section.scope}")
    for scope in _SUBJECTS:
        if getattr(section, scope) is None:
            continue
        if scope is not section.scope:
            findings.add((*path, scope), f"cannot stand here, as the scope is {section.scope}")
        elif scope is not Scope.KEY and section.company is None:
            findings.add((*path, scope), "needs a company beside it")


def _subject(
    section: BudgetSection, path: Path, people: People, keys: Mapping[str, Key], findings: Findings
) -> tuple[str | None, str | None, str | None, str | None]:
    """Give the ids of company, user, key (its name) and agent; None where the rule is for each of them."""
    company = people.companies.find("", section.company, (*path, "company"))
    user = people.users.find(company.id, section.user, (*path, "user")) if company else None
    agent = people.agents.find(company.id, section.agent, (*path, "agent")) if company else None
    key = keys.get(section.key or "")
    if section.key is not None and key is None:
        findings.add((*path, "key"), "is the name of no key")
    elif key is not None and company is not None and key.company_id != company.id:
        findings.add((*path, "key"), "is not a key of this company")
    elif key is not None and key.company_id is None:
        findings.add((*path, "key"), "has no company, so it cannot call models and spends nothing")
    company_id = company.id if company else key.company_id if key else None
    return company_id, user.id if user else None, key.name if key else None, agent.id if agent else None


def _check_match(
    section: BudgetSection, path: Path, document: Document, providers: Mapping[str, Provider], findings: Findings
) -> None:
    match = section.match
    reached = [provider for name, provider in providers.items() if fnmatchcase(name, match.provider or "*")]
    if not reached:
        findings.add((*path, "match", "provider"), f"matches no provider; there are: {', '.join(providers)}")
    elif match.model is not None and not has_model(reached, match.model):
        findings.add((*path, "match", "model"), "matches no model of these providers")
    if match.purpose is not None and not any(fnmatchcase(code, match.purpose) for code in document.purposes):
        findings.add((*path, "match", "purpose"), f"matches no purpose; there are: {', '.join(document.purposes)}")


def _limit(section: BudgetSection, path: Path, findings: Findings) -> int:
    """Give the limit in the budget's unit; dollars become micro-dollars."""
    limit = section.limit
    if section.unit is not Unit.USD:
        if limit != int(limit):
            findings.add((*path, "limit"), f"must be a whole number, as the unit is {section.unit}")
        return int(limit)
    if limit > MAX_DOLLARS:
        findings.add((*path, "limit"), f"must be at most {MAX_DOLLARS:,} dollars")
    return UNLIMITED if limit == UNLIMITED else int(limit * MICROS)


def _window(section: BudgetSection, path: Path, findings: Findings) -> Window:
    windows = _windows(section.window) if section.window else []
    if section.window and section.window.lifetime is False:
        findings.add((*path, "window", "lifetime"), "must be true, or left out")
    elif section.unit is Unit.IN_FLIGHT:
        if windows not in ([], [Lifetime()]):
            findings.add((*path, "window"), "has no meaning for the unit in_flight, which counts the present moment")
        return Lifetime()
    elif len(windows) != 1:
        where = path if section.window is None else (*path, "window")
        findings.add(where, "needs exactly one window: rolling_days, calendar, fixed_seconds or lifetime")
    return windows[0] if windows else Lifetime()


def _windows(section: WindowSection) -> list[Window]:
    """Give every window that the section names."""
    windows: list[Window] = []
    if section.rolling_days is not None:
        windows.append(Rolling(section.rolling_days))
    if section.calendar is not None:
        windows.append(Calendar(section.calendar))
    if section.fixed_seconds is not None:
        windows.append(Fixed(section.fixed_seconds))
    if section.lifetime:
        windows.append(Lifetime())
    return windows
