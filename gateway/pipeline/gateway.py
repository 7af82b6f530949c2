"""What every call needs, built once from a configuration and handed to each step; frozen."""

from dataclasses import dataclass, replace

from gateway.auth import Callers
from gateway.budget import Ledger, Rules
from gateway.config import Config
from gateway.pipeline.aside import Aside
from gateway.pipeline.bodies import Bodies
from gateway.pipeline.hold import Holds
from gateway.pipeline.places import Places
from gateway.pipeline.tasks import Tasks
from gateway.pipeline.turns import Turns
from gateway.prices import Prices
from gateway.providers.route import Routes
from gateway.purpose import Purposes
from gateway.store.connection import Store
from gateway.telemetry.metrics import Metrics
from gateway.telemetry.tracing import Tracing
from gateway.tokens import Corrections, Counter
from gateway.upstream import Upstream
from gateway.usage import ModelNames, Rollups
from gateway.warnings import Warnings

DAY_SECONDS = 86_400


@dataclass(frozen=True, slots=True)
class Gateway:
    """The rooms' objects under one configuration. `mute`: providers that refuse to be asked for a stream's usage."""

    config: Config
    store: Store
    ledger: Ledger
    holds: Holds
    callers: Callers
    purposes: Purposes
    routes: Routes
    rules: Rules
    counter: Counter
    upstream: Upstream
    rollups: Rollups
    model_names: ModelNames
    tasks: Tasks
    places: Places
    bodies: Bodies
    turns: Turns
    aside: Aside
    mute: set[str]
    prices: Prices
    corrections: Corrections
    metrics: Metrics
    warnings: Warnings
    tracing: Tracing


def build(
    config: Config,
    store: Store,
    ledger: Ledger,
    counter: Counter,
    upstream: Upstream,
    aside: Aside,
    metrics: Metrics,
    warnings: Warnings,
    tracing: Tracing,
) -> Gateway:
    """Make the objects that follow from a configuration alone, around those that hold connections."""
    return Gateway(
        config=config,
        store=store,
        ledger=ledger,
        holds=Holds(ledger, every_seconds=config.ledger.lease_seconds / 3),
        callers=Callers(config.keys, config.companies, config.users, config.agents),
        purposes=Purposes(config.purposes, config.default_purpose),
        routes=Routes(config.providers),
        rules=Rules(config.quotas, config.ledger.enforcement, config.budgets),
        counter=counter,
        upstream=upstream,
        rollups=Rollups(config.credits, ttl_seconds=config.store.retention_days * DAY_SECONDS),
        model_names=ModelNames(),
        tasks=Tasks(),
        places=Places(),
        bodies=Bodies(),
        turns=Turns(),
        aside=aside,
        mute=set(),
        prices=Prices(config.prices),
        corrections=Corrections(),
        metrics=metrics,
        warnings=warnings,
        tracing=tracing,
    )


def rebuild(gateway: Gateway, config: Config) -> Gateway:
    """Make the gateway of another configuration; connections, holds, tasks and the names in the store live on."""
    old = gateway
    kept = (old.store, old.ledger, old.counter, old.upstream, old.aside, old.metrics, old.warnings, old.tracing)
    fresh = build(config, *kept)
    return replace(
        fresh,
        holds=old.holds,
        model_names=old.model_names,
        tasks=old.tasks,
        places=old.places,
        bodies=old.bodies,
        turns=old.turns,
        corrections=old.corrections,
    )
