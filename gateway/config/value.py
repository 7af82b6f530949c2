"""Owns the configuration as a value: frozen, complete, every reference resolved, every default filled in.

The rule that matters: it is read once and never changed; two loads of a file are equal; no repr shows a secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gateway.model import (
    Agent,
    BudgetRule,
    Company,
    Enforcement,
    Key,
    OnFailure,
    Price,
    Provider,
    Purpose,
    Quotas,
    Secret,
    Unpriced,
    User,
    Weights,
)


@dataclass(frozen=True, slots=True)
class Server:
    """Where the gateway listens and what it takes.

    `cors_origins` and `allowed_hosts` are exact; `max_...` and `wrong_keys_per_minute` are a worker's.
    """

    host: str
    port: int
    max_body_bytes: int
    drain_seconds: int
    workers: int = 1
    stall_seconds: float = 60
    cors_origins: tuple[str, ...] = ()
    allowed_hosts: tuple[str, ...] = ()
    max_connections: int = 8192
    max_in_flight: int = 2000
    header_seconds: float = 10
    body_seconds: float = 60
    keepalive_seconds: float = 75
    max_connections_per_address: int | None = None
    max_in_flight_per_key: int | None = None
    wrong_keys_per_minute: int = 60
    max_body_memory: int = 268_435_456
    trusted_proxies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Admin:
    """Where the supervisor listens for operators."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class StoreConfig:
    """Where the gateway remembers: `url` reveals `embedded` or a URL, `data_dir` is absolute."""

    url: Secret
    data_dir: Path
    retention_days: int
    allow_volatile: bool
    on_failure: OnFailure = OnFailure.CLOSED
    grace_tokens: int = 100_000
    journal: bool = True


@dataclass(frozen=True, slots=True)
class LedgerConfig:
    """How budgets are held."""

    enforcement: Enforcement
    tranche_tokens: int
    default_output_tokens: int
    lease_seconds: int
    weights: Weights
    unpriced: Unpriced = Unpriced.REFUSE


@dataclass(frozen=True, slots=True)
class Credits:
    """Prices in millionths of a credit for 1,000 tokens; `models` gives (prompt, completion) by exact model name."""

    per_1k_micros: int
    models: Mapping[str, tuple[int, int]]
    timezone: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who is told of warnings: `url` is http or https and may hold a token, `secret` signs each post."""

    url: Secret
    secret: Secret
    timeout_seconds: int = 5


@dataclass(frozen=True, slots=True)
class WarningsConfig:
    """When a budget is nearly gone: rising percents of its limit (none: never), and who is told beside the log."""

    thresholds: tuple[int, ...] = ()
    webhook: Webhook | None = None


@dataclass(frozen=True, slots=True)
class TracingConfig:
    """Where spans and token metrics go; `endpoint` is the collector's base URL."""

    endpoint: str
    headers: tuple[tuple[str, Secret], ...]
    service_name: str
    sample_ratio: float
    interval_seconds: int
    timeout_seconds: int


@dataclass(frozen=True, slots=True)
class Config:
    """A whole configuration. Mappings are read-only and in the file's order.

    `prices` are those that the file states, by (provider, listed model). `quotas` are the defaults, every field an int
    (-1 = unlimited). `users` is keyed by (company id, user id). `secrets` holds every secret text of the file, for a
    log filter.
    """

    source: Path
    server: Server
    admin: Admin
    store: StoreConfig
    timezone: str
    ledger: LedgerConfig
    providers: Mapping[str, Provider]
    prices: Mapping[tuple[str, str], Price]
    purposes: Mapping[str, Purpose]
    default_purpose: str
    quotas: Quotas
    companies: Mapping[str, Company]
    users: Mapping[tuple[str, str], User]
    agents: Mapping[str, Agent]
    keys: tuple[Key, ...]
    budgets: tuple[BudgetRule, ...]
    credits: Credits
    warnings: WarningsConfig
    tracing: TracingConfig | None
    secrets: frozenset[str] = field(repr=False)
