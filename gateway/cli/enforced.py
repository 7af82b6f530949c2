"""Owns what `gateway check` shows: who may spend how much on what, and what deserves a second look. Pure.

The rule that matters: it says what the gateway will do, not what the file says; every default is filled in.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gateway.cli import words
from gateway.cli.doubts import doubts
from gateway.cli.table import table
from gateway.config import Config
from gateway.model import Company, Key, Provider, Quotas

_PERIODS = ("daily", "weekly", "monthly")


class Section(NamedTuple):
    """A heading with what stands under it."""

    title: str
    body: str


def sections(config: Config, now_ms: int) -> Iterator[Section]:
    """Give what will be enforced, section by section; `now_ms` decides which keys have expired."""
    server = config.server
    body = f"  listens on {server.host}:{server.port}; budgets are {config.ledger.enforcement.value}{_unless(config)}"
    yield Section(f"{config.source.name} is valid", body)
    for company in config.companies.values():
        yield _company(config, company, now_ms)
    if homeless := [key for key in config.keys if key.company_id is None]:
        yield Section("Keys without a company: they cannot call models", _keys(config, homeless, now_ms))
    if config.budgets:
        yield Section("Further budgets, beside those of companies and users", _budgets(config))
    yield Section("Providers", _providers(config.providers.values()))
    yield Section("Purposes", _purposes(config))
    if found := doubts(config, now_ms):
        yield Section("Warnings", "\n".join(f"  - {line}" for line in found))


def _unless(config: Config) -> str:
    standing = config.ledger.enforcement
    return ", unless one says otherwise" if any(rule.enforcement is not standing for rule in config.budgets) else ""


def _company(config: Config, company: Company, now_ms: int) -> Section:
    limit = f"{words.limit_words(company.budget.tokens)} tokens in any {company.budget.window_days} days"
    keys = [key for key in config.keys if key.company_id == company.id]
    agents = [agent.name for agent in config.agents.values() if agent.company_id == company.id]
    lines = [f"  all together: {limit}; days begin at midnight in {company.timezone}", "", _quotas(config, company)]
    if keys:
        lines += ["", _keys(config, keys, now_ms)]
    if agents:
        lines += ["", f"  agents: {', '.join(agents)}"]
    return Section(f"Company {company.name} ({company.id})", "\n".join(lines))


def _quotas(config: Config, company: Company) -> str:
    users = [(user.name, user.quotas) for (owner, _), user in config.users.items() if owner == company.id]
    rows = [(name, *_effective(own, config.quotas)) for name, own in (*users, ("any other", Quotas()))]
    return table(("user", *(f"{period} tokens" for period in _PERIODS)), rows, indent="  ")


def _effective(own: Quotas, defaults: Quotas) -> list[str]:
    """Give a user's limits, each with where it comes from."""
    cells = []
    for period in _PERIODS:
        limit = getattr(own, period)
        source = "default" if limit is None else "own"
        cells.append(f"{words.limit_words(getattr(defaults, period) if limit is None else limit)} ({source})")
    return cells


def _keys(config: Config, keys: Sequence[Key], now_ms: int) -> str:
    rows = [
        (
            key.name,
            key.hint,
            key.role.value,
            _whose(config, key),
            ", ".join(key.models) or "all",
            ", ".join(key.purposes) or "all",
            _default_purpose(config, key),
            _expiry(key, now_ms),
        )
        for key in keys
    ]
    return table(("key", "hint", "role", "for", "models", "purposes", "default", "expires"), rows, indent="  ")


def _whose(config: Config, key: Key) -> str:
    if key.acts_for_users:
        return "any user it names"
    if key.company_id is None:
        return words.DASH
    return config.users[key.company_id, key.user_id].name if key.user_id else "the company"


def _default_purpose(config: Config, key: Key) -> str:
    default = key.default_purpose or config.default_purpose
    return default if not key.purposes or default in key.purposes else "none: state one"


def _expiry(key: Key, now_ms: int) -> str:
    if key.expires_at_ms is None:
        return "never"
    return f"{words.instant_words(key.expires_at_ms)}{' (expired)' if key.expires_at_ms <= now_ms else ''}"


def _budgets(config: Config) -> str:
    rows = [
        (
            rule.name,
            words.subject_words(rule, config),
            words.match_words(rule),
            words.count_words(rule.limit, rule.unit, rule.window),
            rule.enforcement.value,
        )
        for rule in config.budgets
    ]
    return table(("budget", "for", "counts", "limit", "enforcement"), rows, indent="  ")


def _providers(providers: Iterable[Provider]) -> str:
    rows = [
        (
            provider.name,
            "off" if provider.is_off else "on",
            provider.dialect,
            "we pay" if provider.chargeable else "customer",
            ", ".join(spec.name for spec in provider.models),
        )
        for provider in providers
    ]
    return table(("provider", "state", "dialect", "bill", "models"), rows, indent="  ")


def _purposes(config: Config) -> str:
    rows = [
        (
            code + (" (default)" if code == config.default_purpose else ""),
            one.description,
            one.category or "by endpoint",
        )
        for code, one in config.purposes.items()
    ]
    return table(("purpose", "is", "category"), rows, indent="  ")
