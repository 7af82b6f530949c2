"""What a scrape answers: every metric of the table, each company's levels from the store, and never a failure."""

import math
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from msgspec import structs
from prometheus_client.parser import text_string_to_metric_families

from gateway import __version__
from gateway.app.scrape import MOST_COMPANIES, scrape
from gateway.budget import Ask, Lease, Ledger, Order, Rules, keys, script
from gateway.budget.rules import spanning
from gateway.config import Config
from gateway.model import Budget, Caller, Key, Scope, Unit, Usage
from gateway.store.connection import Store
from gateway.store.shards import prefix
from gateway.telemetry.calls import CallRecord
from gateway.telemetry.families import FAMILIES, TURNED_AWAY_REASONS, Kind
from gateway.telemetry.metrics import Metrics, Supervision
from gateway.warnings.outbox import Outbox, Told
from tests.budget.orders import NO_ROLLUP
from tests.gateways import ACME, OTHER, Limits, configured
from tests.telemetry.test_workers import worker
from tests.warnings.receiving import level

BUDGETS = """
- {name: acme-deep-thought, scope: company, company: acme, match: {purpose: DT}, window: {calendar: day}, limit: 500}
- {name: flights, scope: company, unit: in_flight, limit: 9}
- {name: rpm, scope: key, unit: requests, window: {fixed_seconds: 60}, limit: 600}
- {name: all-money, scope: installation, unit: usd, window: {calendar: month}, limit: 20}
- {name: far-minute, scope: provider, match: {provider: f*}, window: {fixed_seconds: 60}, limit: -1}
"""
COMPANY = {"company": "acme", "budget": "company", "unit": "tokens", "window": "30d"}
COMPANY_TOKENS = 1_000_000
NOWHERE = "redis://127.0.0.1:1"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    """Give two companies: one with a budget of its own beside the two that both have, one without a limit."""
    config = configured(tmp_path, "http://127.0.0.1:1", Limits(company_tokens=COMPANY_TOKENS, budgets=BUDGETS))
    other = replace(config.companies[OTHER], budget=replace(config.companies[OTHER].budget, tokens=-1))
    return replace(config, companies={**config.companies, OTHER: other})


def ledger_of(store: Store) -> Ledger:
    """Give a ledger with the real script."""
    return Ledger(store, script.load(), lease_seconds=60)


def company_budgets(config: Config, company_id: str) -> Sequence[Budget]:
    """Give the budgets of a company as a whole."""
    every = Rules(config.quotas, config.ledger.enforcement, config.budgets).all_of(
        Caller(Key("", "", ""), config.companies[company_id])
    )
    return [budget for budget in every if budget.scope is Scope.COMPANY]


async def hold(ledger: Ledger, call_id: str, budgets: Sequence[Budget], amount: int) -> Lease:
    """Hold an amount in some budgets."""
    order = Order(call_id, ACME, tuple(Ask(budget, amount, 0) for budget in budgets), 0, 0)
    lease = await ledger.reserve(order)
    assert isinstance(lease, Lease)
    return lease


class Scraped:
    """A scrape, parsed."""

    def __init__(self, text: bytes) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text.decode())}

    def of(self, name: str, **labels: str) -> float | None:
        """Give the value of a series; None where there is none."""
        samples = (sample for family in self.families.values() for sample in family.samples)
        return next((one.value for one in samples if one.name == name and one.labels == labels), None)

    def companies(self, name: str = "gateway_budget_used") -> list[tuple[str, str]]:
        """Give the company and the budget of each level."""
        family = self.families.get(name)
        return [(one.labels["company"], one.labels["budget"]) for one in family.samples] if family else []


# ---------------------------------------------------------------- levels


async def test_the_levels_of_companies(config: Config, valkey_store: Store) -> None:
    """Each company has its own budget, and those of the file that are for it or for all; other scopes have none."""
    scraped = Scraped(await scrape(config, ledger_of(valkey_store), None))
    assert scraped.companies() == [
        ("acme", "company"),
        ("acme", "acme-deep-thought"),
        ("acme", "flights"),
        ("other", "company"),
        ("other", "flights"),
    ]
    labels = {"company": "acme", "budget": "flights", "unit": "in_flight", "window": "lifetime"}
    assert scraped.of("gateway_budget_limit", **labels) == 9
    labels = {"company": "acme", "budget": "acme-deep-thought", "unit": "tokens", "window": "day"}
    assert scraped.of("gateway_budget_limit", **labels) == 500


async def test_what_is_used_and_what_is_held(config: Config, valkey_store: Store) -> None:
    """The numbers are the ledger's own, at the moment of the scrape."""
    ledger = ledger_of(valkey_store)
    budgets = company_budgets(config, ACME)
    lease = await hold(ledger, "a", budgets[:1], 300)
    await ledger.settle(lease, [120], NO_ROLLUP)
    await hold(ledger, "b", budgets[:1], 50)
    scraped = Scraped(await scrape(config, ledger, None))
    assert scraped.of("gateway_budget_used", **COMPANY) == 120
    assert scraped.of("gateway_budget_held", **COMPANY) == 50
    assert scraped.of("gateway_budget_limit", **COMPANY) == COMPANY_TOKENS


async def test_budgets_of_all_companies_are_shown_by_themselves(config: Config, valkey_store: Store) -> None:
    """Each with its provider, or none; what a slice holds is held; dollars are dollars; and none is any company's."""
    ledger = ledger_of(valkey_store)
    budgets = dict(spanning(config.budgets, config.providers))
    assert [(provider, one.name) for provider, one in budgets.items()] == [("", "all-money"), ("far", "far-minute")]
    for call_id, micros in (("spent", 1_250_000), ("slice", 70)):
        lease = await ledger.reserve(Order(call_id, keys.INSTALLATION, (Ask(budgets[""], micros, 0),), 0, 0))
        assert isinstance(lease, Lease)
        if call_id == "spent":
            await ledger.settle(lease, [micros], NO_ROLLUP)
    scraped = Scraped(await scrape(config, ledger, None))
    money = {"budget": "all-money", "provider": "", "unit": "usd", "window": "month"}
    numbers = [scraped.of(f"gateway_spanning_budget_{which}", **money) for which in ("used", "held", "limit")]
    assert numbers == [1.25, 0.00007, 20]
    labels = {"budget": "far-minute", "provider": "far", "unit": "tokens", "window": "60s"}
    assert scraped.of("gateway_spanning_budget_limit", **labels) == math.inf
    assert {name for _, name in scraped.companies()} == {"company", "acme-deep-thought", "flights"}


async def test_a_limit_is_the_one_that_is_enforced(config: Config, valkey_store: Store) -> None:
    """A limit set through an API wins over the file's; no limit at all is infinite, so that a share of it is none."""
    ledger = ledger_of(valkey_store)
    await ledger.override(ACME, {company_budgets(config, ACME)[0]: 777}, "tester")
    scraped = Scraped(await scrape(config, ledger, None))
    assert scraped.of("gateway_budget_limit", **COMPANY) == 777
    unlimited = scraped.of("gateway_budget_limit", **COMPANY | {"company": "other", "window": "7d"})
    assert unlimited == math.inf


async def test_a_scrape_reads_so_many_companies_and_no_more(config: Config, valkey_store: Store) -> None:
    """A file with very many companies does not make a scrape long; how many are not shown is told."""
    model = config.companies[ACME]
    ids = [f"{number:08x}-1111-4111-8111-111111111111" for number in range(MOST_COMPANIES + 7)]
    many = replace(config, companies={one: replace(model, id=one, name=f"company {one}") for one in ids}, budgets=())
    scraped = Scraped(await scrape(many, ledger_of(valkey_store), None))
    assert len(scraped.companies()) == MOST_COMPANIES
    assert scraped.of("gateway_budget_companies_left_out") == 7
    assert scraped.of("gateway_store_up") == 1


# ---------------------------------------------------------------- warnings


async def test_the_warnings_that_wait(config: Config, valkey_store: Store) -> None:
    """Of all companies, posted in vain or never yet; and none where that is so."""
    outbox = Outbox(valkey_store, lease_seconds=60)
    scraped = Scraped(await scrape(config, ledger_of(valkey_store), None))
    assert scraped.of("gateway_budget_warnings_waiting") == 0
    for company in (ACME, OTHER):
        for number in range(3):
            passed = level(800, name=f"{company}-{number}")
            assert await outbox.mark(company, passed, (80,), f"{number}", b"{}") is Told.NOW
    assert (await outbox.claim(prefix(ACME), 1))[0]
    scraped = Scraped(await scrape(config, ledger_of(valkey_store), None))
    assert scraped.of("gateway_budget_warnings_waiting") == 6
    await valkey_store.execute("SET", f"{prefix('nobody')}N", "no set")
    scraped = Scraped(await scrape(config, ledger_of(valkey_store), None))
    assert scraped.of("gateway_budget_warnings_waiting") is None
    assert scraped.companies()


# ---------------------------------------------------------------- the store


@pytest.mark.parametrize("companies", [0, 2])
async def test_a_store_that_is_away(config: Config, valkey_store: Store, companies: int) -> None:
    """The scrape says so, shows no level, and has everything else; whether there are companies makes no difference."""
    some = replace(config, companies=dict(list(config.companies.items())[:companies]))
    metrics = Metrics()
    metrics.warned("company", 80)
    away = Store.connect(NOWHERE)
    try:
        scraped = Scraped(await scrape(some, ledger_of(away), None, metrics.registry))
    finally:
        await away.close()
    assert scraped.of("gateway_store_up") == 0
    assert scraped.companies() == []
    assert scraped.of("gateway_budget_warnings_waiting") is None
    assert scraped.of("gateway_budget_warnings_total", budget="company", threshold="80") == 1
    there = Scraped(await scrape(some, ledger_of(valkey_store), None))
    assert there.of("gateway_store_up") == 1
    assert len(there.companies()) == {0: 0, 2: 5}[companies]


# ---------------------------------------------------------------- what is exposed


async def test_one_process_exposes_every_metric(config: Config, valkey_store: Store) -> None:
    """Where one process does all, a scrape has each metric of the table, of its kind, with its words, and no other."""
    metrics = Metrics()
    Supervision(metrics.registry).workers(1)
    scraped = Scraped(await scrape(config, ledger_of(valkey_store), None, metrics.registry))
    assert {name: (one.type, one.documentation) for name, one in scraped.families.items()} == {
        one.name.removesuffix("_total"): (one.kind.value, one.help) for one in FAMILIES
    }
    assert scraped.of("gateway_build_info", version=__version__) == 1


def test_the_document_names_why_something_is_turned_away() -> None:
    """docs/metrics.md says what each value of that label stands for."""
    page = (Path(__file__).parents[2] / "docs/metrics.md").read_text("utf-8")
    found = re.search(r"^- `reason` of what was turned away:(.+?)^- ", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    assert tuple(re.findall(r"`(\w+)`", found[1])) == TURNED_AWAY_REASONS


async def test_series_have_the_labels_of_the_table(config: Config, valkey_store: Store) -> None:
    """Every series that is exposed has the labels that the table lists."""
    metrics = Metrics()
    record = CallRecord(
        request_id="x", status=200, outcome="ok", duration_ms=5.0, endpoint="chat", provider="far", listed_model="*",
        purpose="QA", held_tokens=9, first_byte_ms=3.0, overrun_tokens=1, usage=Usage(3, 2, estimated=True),
    )  # fmt: skip
    metrics.call_ended(record)
    metrics.call_ended(structs.replace(record, budget="company", outcome="rate_limited", usage=None, released=True))
    metrics.estimated("far", "*", 3, 2)
    metrics.correction("far", "*", 1.0)
    metrics.charge_lost()
    metrics.warned("company", 80)
    metrics.turned_away("host")
    metrics.slicing.now("company", Unit.TOKENS, 1, 5)
    for count in (metrics.slicing.refilled, metrics.slicing.asked, metrics.slicing.refused):
        count("company")
    scraped = Scraped(await scrape(config, ledger_of(valkey_store), None, metrics.registry))
    table = {one.name.removesuffix("_total"): one for one in FAMILIES}
    for name, family in scraped.families.items():
        assert family.samples
        for sample in family.samples:
            extra = {"le"} if table[name].kind is Kind.HISTOGRAM and sample.name.endswith("_bucket") else set()
            assert set(sample.labels) == set(table[name].labels) | extra


async def test_workers_and_their_parent(config: Config, valkey_store: Store, tmp_path: Path) -> None:
    """With a directory, a scrape has the sum of the workers, what their parent counts, and the levels, each once."""
    own = Supervision()
    own.workers(2)
    own.restarted()
    directory = tmp_path / "metrics"
    directory.mkdir()
    with worker(directory, 3), worker(directory, 4):
        text = await scrape(config, ledger_of(valkey_store), directory, own.registry)
    scraped = Scraped(text)
    assert scraped.of("gateway_budget_warnings_total", budget="company", threshold="80") == 2
    assert scraped.of("gateway_holds_open") == 7
    assert (scraped.of("gateway_workers"), scraped.of("gateway_worker_restarts_total")) == (2, 1)
    assert scraped.of("gateway_store_up") == 1
    heads = [line for line in text.decode().splitlines() if line.startswith("# TYPE")]
    assert len(heads) == len(set(heads))


async def test_what_workers_counted_wins_over_an_empty_registry(
    config: Config, valkey_store: Store, tmp_path: Path
) -> None:
    """A parent that passes the same metrics, uncounted, does not hide its workers' counts."""
    directory = tmp_path / "metrics"
    directory.mkdir()
    with worker(directory, 3):
        scraped = Scraped(await scrape(config, ledger_of(valkey_store), directory, Metrics().registry))
    assert scraped.of("gateway_holds_open") == 3
    assert scraped.of("gateway_store_batch_operations_sum") == 3
