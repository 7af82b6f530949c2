"""Owns what a scrape answers: what all workers counted, and all budgets but single holders' as the store has them now.

The rule that matters: a scrape does not fail, nor wait for long: with the store away it says so, and gives the rest.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress
from itertools import chain, islice
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gateway import __version__
from gateway.budget import Ledger, LedgerFault, Rules, keys
from gateway.budget.rules import spanning
from gateway.budget.windows import code
from gateway.config import Config
from gateway.errors import StoreUnavailable
from gateway.model import MICROS, UNLIMITED, Budget, Caller, Company, Key, Level, Scope, Unit
from gateway.store.border import is_away
from gateway.store.connection import CommandRefused
from gateway.telemetry import families
from gateway.telemetry.families import Family
from gateway.telemetry.workers import merged
from gateway.warnings.outbox import waiting

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
MOST_COMPANIES = 1_000
LEVELS_SECONDS = 5.0
"""How long the store may take for all levels; Prometheus gives up on a scrape after 10 s."""

_AT_ONCE = 16  # so that calls find a free connection to the store, whatever a scrape reads
_NOBODY = Key("", "", "")

log = structlog.get_logger("scrape")


async def scrape(
    config: Config, ledger: Ledger, directory: Path | None, registry: CollectorRegistry | None = None
) -> bytes:
    """Give the text exposition (`CONTENT_TYPE`): the sum of all workers that count in `directory`, and the levels.

    `registry` is this process's own: all there is where no directory is given, else what only this process counts.
    """
    scraped = await _scraped(config, ledger)
    return await asyncio.to_thread(_text, directory, registry, scraped)


def _text(directory: Path | None, registry: CollectorRegistry | None, scraped: Iterable[Metric]) -> bytes:
    """Write everything down; with many workers that takes a tenth of a second, so not in the event loop."""
    own = registry.collect() if registry else ()
    workers = merged(directory) if directory else ()
    return generate_latest(_Once(chain(own, workers, scraped)))


class _Once(Collector):
    """Metrics that were collected already; of one name the last, as each may be exposed but once."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = {metric.name: metric for metric in metrics}

    def collect(self) -> Iterable[Metric]:
        """Give them."""
        return self._metrics.values()


async def _scraped(config: Config, ledger: Ledger) -> list[Metric]:
    """Give what is known only at this moment."""
    companies = list(islice(config.companies.values(), MOST_COMPANIES))
    levels: list[tuple[str, Level]] = []
    spanning_levels: list[tuple[str, Level]] = []
    read, queue = 0, _gauge(families.WAITING)
    is_up, is_there = await _standing(ledger)
    with suppress(TimeoutError):
        async with asyncio.timeout(LEVELS_SECONDS if is_there else 0):
            await _count_waiting(ledger, queue)
            spanning_levels = await _spanning(config, ledger)
            async for some in _levels(config, ledger, companies):
                levels += some
                read += 1
    return [
        _plain(families.BUILD, 1, __version__),
        _plain(families.STORE_UP, is_up),
        _plain(families.LEFT_OUT, len(config.companies) - len(companies)),
        _plain(families.UNREAD, len(companies) - read),
        *_shown((families.BUDGET_USED, families.BUDGET_HELD, families.BUDGET_LIMIT), levels),
        *_shown(families.SPANNING, spanning_levels),
        queue,
    ]


async def _standing(ledger: Ledger) -> tuple[bool, bool]:
    """Give whether the whole store takes what calls bring, and whether any of it can be read."""
    try:
        return await ledger.store.ready(), True
    except StoreUnavailable as exc:
        return False, not is_away(exc)


async def _count_waiting(ledger: Ledger, gauge: GaugeMetricFamily) -> None:
    """Count the warnings that wait; nothing is told where they cannot be counted."""
    try:
        gauge.add_metric((), sum((await waiting(ledger.store)).values()))
    except (StoreUnavailable, CommandRefused) as fault:
        log.warning("warnings_uncounted", reason=str(fault))


async def _levels(
    config: Config, ledger: Ledger, companies: Sequence[Company]
) -> AsyncIterator[list[tuple[str, Level]]]:
    """Read the budgets of each company whose part of the store is there."""
    rules = Rules(config.quotas, config.ledger.enforcement, config.budgets)
    for at in range(0, len(companies), _AT_ONCE):
        some = companies[at : at + _AT_ONCE]
        read = await asyncio.gather(*(_read(ledger, company, _budgets(rules, company)) for company in some))
        for company, levels in zip(some, read, strict=True):
            if levels is not None:
                yield [(company.name, level) for level in levels]


async def _spanning(config: Config, ledger: Ledger) -> list[tuple[str, Level]]:
    """Read the budgets of all companies together, each with its provider; none where they cannot be read."""
    every = tuple(spanning(config.budgets, config.providers))
    try:
        levels = await ledger.read(keys.INSTALLATION, [budget for _, budget in every])
    except (LedgerFault, StoreUnavailable) as fault:
        log.warning("levels_unreadable", company=keys.INSTALLATION, reason=str(fault))
        return []
    return [(provider, level) for (provider, _), level in zip(every, levels, strict=True)]


def _budgets(rules: Rules, company: Company) -> tuple[Budget, ...]:
    """Give the budgets of a company as a whole: those of a caller of whom nothing else is known."""
    return tuple(budget for budget in rules.all_of(Caller(_NOBODY, company)) if budget.scope is Scope.COMPANY)


async def _read(ledger: Ledger, company: Company, budgets: Sequence[Budget]) -> tuple[Level, ...] | None:
    """Read a company's budgets; None where they cannot be."""
    try:
        return await ledger.read(company.id, budgets)
    except StoreUnavailable:
        return None
    except LedgerFault as fault:
        log.warning("levels_unreadable", company=company.name, reason=str(fault))
        return None


def _gauge(family: Family) -> GaugeMetricFamily:
    return GaugeMetricFamily(family.name, family.help, labels=family.labels)


def _plain(family: Family, value: float, *labels: str) -> Metric:
    gauge = _gauge(family)
    gauge.add_metric(labels, value)
    return gauge


def _shown(shown: Iterable[Family], levels: Iterable[tuple[str, Level]]) -> tuple[Metric, ...]:
    """Give used, held and limit of levels, each with the company or the provider that it is shown for."""
    used, held, limit = map(_gauge, shown)
    for name, level in levels:
        budget = level.budget
        whose = (budget.name, name) if budget.scope.spans_companies else (name, budget.name)
        labels = (*whose, budget.unit.value, code(budget.window))
        parts = MICROS if budget.unit is Unit.USD else 1  # the ledger counts micro-dollars, a metric has base units
        used.add_metric(labels, level.used / parts)
        held.add_metric(labels, level.held / parts)
        limit.add_metric(labels, math.inf if level.limit == UNLIMITED else level.limit / parts)
    return used, held, limit
