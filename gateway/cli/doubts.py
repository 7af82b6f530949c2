"""Owns what is allowed in a configuration but probably not meant. Pure."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from gateway.config import Config
from gateway.config.address import is_loopback
from gateway.model import UNLIMITED, BudgetRule, Company, Enforcement, Key, Provider, Route, Unit, Unpriced
from gateway.prices import Prices

NO_KEY = "no key: nobody can call; `gateway key new` makes one"
"""What is wrong with a configuration that is right in all else; the start screen says it too."""


def doubts(config: Config, now_ms: int) -> list[str]:
    """Give a sentence for each thing that deserves a second look; `now_ms` decides what has expired."""
    return [
        *_of_admin(config),
        *_of_ledger(config),
        *_of_prices(config),
        *_of_providers(config),
        *_of_keys(config, now_ms),
        *(_of_people(config, now_ms) if config.keys else ()),
    ]


def _of_admin(config: Config) -> Iterator[str]:
    if not is_loopback(config.admin.host):
        yield "admin.host is not loopback: who can reach it reads metrics and company names, and is asked for no key"


def _of_ledger(config: Config) -> Iterator[str]:
    if config.ledger.enforcement is Enforcement.SHADOW:
        yield "ledger.enforcement is shadow: company budgets and user quotas are only counted, nothing is refused"
    for rule in config.budgets:
        if rule.enforcement is Enforcement.SHADOW:
            yield f"budget {rule.name} is in shadow: it is only counted and refuses nothing"
    if config.store.allow_volatile:
        yield "store.allow_volatile: a store that forgets is accepted, and with it all that was spent"


def _of_prices(config: Config) -> Iterator[str]:
    prices = Prices(config.prices)
    what = "are refused" if config.ledger.unpriced is Unpriced.REFUSE else "are free there"
    for rule in config.budgets:
        if rule.unit is not Unit.USD:
            continue
        routes = [route for provider in config.providers.values() for route in _counted(rule, provider)]
        if unknown := [f"{route.provider.name}/{route.model}" for route in routes if prices.of(route) is None]:
            yield f"budget {rule.name} counts dollars, and these have no price, so calls {what}: {', '.join(unknown)}"


def _counted(rule: BudgetRule, provider: Provider) -> Iterator[Route]:
    """Give the models of exact names that a rule counts at a provider."""
    if fnmatchcase(provider.name, rule.match.provider or "*"):
        for spec in provider.models:
            if not spec.is_pattern and fnmatchcase(spec.name.casefold(), (rule.match.model or "*").casefold()):
                yield Route(provider, spec, spec.name)


def _of_providers(config: Config) -> Iterator[str]:
    for provider in config.providers.values():
        if provider.is_off:
            yield f"provider {provider.name} is off, as its api_key is empty: calls to its models get 503"
        if provider.dialect == "openai" and not urlsplit(provider.base_url).path.strip("/"):
            yield f"provider {provider.name} has a base_url without a path: most servers want .../v1"


def _of_keys(config: Config, now_ms: int) -> Iterator[str]:
    if not config.keys:
        yield NO_KEY
    for key in config.keys:
        if _has_expired(key, now_ms):
            yield f"key {key.name} has expired: its calls get 401"
        default = key.default_purpose or config.default_purpose
        if key.purposes and default not in key.purposes:
            yield f"key {key.name} may not use the default purpose {default}: each of its calls must state one"


def _of_people(config: Config, now_ms: int) -> Iterator[str]:
    for company in config.companies.values():
        keys = [key for key in config.keys if key.company_id == company.id and not _has_expired(key, now_ms)]
        if not keys:
            yield f"company {company.name} has no key that works: nobody can call for it"
            continue
        yield from _of_users(config, company, keys)
        if company.budget.tokens == UNLIMITED:
            yield f"company {company.name} has no limit of its own"


def _of_users(config: Config, company: Company, keys: list[Key]) -> Iterator[str]:
    if any(key.acts_for_users for key in keys):
        return
    reached = {key.user_id for key in keys}
    for (owner, user_id), user in config.users.items():
        if owner == company.id and user_id not in reached:
            yield f"user {user.name} of {company.name} has no key, and no key there acts for users"


def _has_expired(key: Key, now_ms: int) -> bool:
    return key.expires_at_ms is not None and key.expires_at_ms <= now_ms
