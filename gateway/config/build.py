"""Owns the step from a valid document to the `Config`: what the settings mean together.

The rule that matters: every reference is resolved here and every default filled in, so that no other room does either.
"""

from pathlib import Path
from types import MappingProxyType
from urllib.parse import parse_qs, unquote, urlsplit

from gateway.config.findings import Findings
from gateway.config.keys import build_keys
from gateway.config.limits import build_budgets
from gateway.config.people import build_people
from gateway.config.schema import Document, LedgerSection, StoreSection
from gateway.config.served import check_server
from gateway.config.traced import build_tracing
from gateway.config.upstreams import build_credits, build_prices, build_providers, build_purposes
from gateway.config.value import Admin, Config, LedgerConfig, Server, StoreConfig
from gateway.config.warned import build_warnings, secrets_of
from gateway.model import MICROS, Quotas, Secret, Weights
from gateway.model.hosts import split_hosts


def build(document: Document, source: Path, findings: Findings) -> Config:
    """Make the configuration of a document; what is wrong with it as a whole goes into `findings`."""
    check_server(document.server, findings)
    providers = build_providers(document, source.parent, findings)
    people = build_people(document, findings)
    keys = build_keys(document, people, providers, findings)
    return Config(
        source=source,
        server=Server(**document.server.model_dump()),
        admin=Admin(**document.admin.model_dump()),
        store=_store(document.store, source.parent),
        timezone=document.timezone,
        ledger=_ledger(document.ledger),
        providers=providers,
        prices=build_prices(document),
        purposes=build_purposes(document, findings),
        default_purpose=document.default_purpose,
        quotas=Quotas(**document.quotas.model_dump()),
        companies=MappingProxyType({company.id: company for company in people.companies.by_id.values()}),
        users=MappingProxyType(people.users.by_id),
        agents=MappingProxyType({agent.id: agent for agent in people.agents.by_id.values()}),
        keys=keys,
        budgets=build_budgets(document, people, {key.name: key for key in keys}, providers, findings),
        credits=build_credits(document.credits, providers, findings),
        warnings=build_warnings(document.warnings),
        tracing=build_tracing(document.tracing, findings),
        secrets=_secrets(document),
    )


def _store(section: StoreSection, directory: Path) -> StoreConfig:
    return StoreConfig(
        url=Secret(section.url),
        data_dir=directory / section.data_dir,
        retention_days=section.retention_days,
        allow_volatile=section.allow_volatile,
        on_failure=section.on_failure,
        grace_tokens=section.grace_tokens,
        journal=section.journal,
    )


def _ledger(section: LedgerSection) -> LedgerConfig:
    weights = {name: int(weight * MICROS) for name, weight in section.weights.model_dump().items()}
    return LedgerConfig(
        enforcement=section.enforcement,
        tranche_tokens=section.tranche_tokens,
        default_output_tokens=section.default_output_tokens,
        lease_seconds=section.lease_seconds,
        weights=Weights(**weights),
        unpriced=section.unpriced,
    )


def _secrets(document: Document) -> frozenset[str]:
    """Collect every text that must not be shown: as it is written, and as it is sent."""
    url = urlsplit(split_hosts(document.store.url)[0])
    query = parse_qs(url.query)
    texts = {url.password or "", *query.get("password", []), *query.get("sentinel_password", [])}
    texts |= {unquote(text) for text in texts}
    texts |= {key.key or "" for key in document.keys}
    for provider in document.providers.values():
        texts |= {provider.api_key or "", *provider.headers.values()}
    texts |= secrets_of(document.warnings)
    texts |= set(document.tracing.headers.values() if document.tracing else ())
    return frozenset(texts - {""})
