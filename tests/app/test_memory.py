"""What is remembered from call to call has an end, whoever calls, for as many users and models as they make up."""

from collections.abc import Callable

import pytest
from msgspec import structs

from gateway.app.hosts import Hosts
from gateway.auth.tries import block_of
from gateway.budget import Rules, Target
from gateway.budget.rules import _MOST_KNOWN as MOST_RULES
from gateway.budget.windows import CandidateCache
from gateway.budget.wire import _MOST_KNOWN as MOST_SPECS
from gateway.budget.wire import Ask, Position, Specs
from gateway.journal import Journal
from gateway.journal.journal import MOST_OPEN_BYTES
from gateway.model import Caller, Company, Enforcement, Key, Level, Quotas, RollingBudget, User
from gateway.pipeline import limits
from gateway.store.shards import prefix
from gateway.telemetry.redaction import _MOST_KNOWN as MOST_TEXTS
from gateway.telemetry.redaction import Redactor
from gateway.upstream.target import target
from tests.budget.orders import SHARD, budget

COMPANY = Company("11111111-1111-4111-8111-111111111111", "acme", RollingBudget(-1, 30), "UTC")
KEY = Key("robot", "1" * 64, "sk-...efgh", company_id=COMPANY.id, acts_for_users=True)


def test_budgets_of_users_and_models_that_clients_name() -> None:
    """A key may name any user of its company, and a pattern fits any model."""
    rules = Rules(Quotas(-1, -1, -1), Enforcement.HARD, ())
    caller = Caller(KEY, COMPANY)
    for number in range(MOST_RULES + 10):
        user = User(f"22222222-2222-4222-8222-{number:012}", "", COMPANY.id)
        rules.of(structs.replace(caller, user=user), Target("far", f"model-{number}", "QA"))
    assert len(rules._known) <= MOST_RULES


def test_policies_of_budgets() -> None:
    """One text for each budget of each user."""
    for number in range(limits._MOST_KNOWN + 10):
        limits.headers((Level(budget(number + 1, name=f"b{number}"), number + 1, 0, 0, None),), 0)
    assert len(limits._policies._known) <= limits._MOST_KNOWN


def test_budgets_as_the_script_reads_them() -> None:
    """The same, on the way to the store."""
    specs = Specs(CandidateCache())
    for number in range(MOST_SPECS + 10):
        asked = (Ask(budget(number), 0, 0),)
        specs.rows(SHARD, asked, 0)
        specs.entries(SHARD, asked, (Position(0, 0),))
    assert 0 < len(specs._rows) <= MOST_SPECS
    assert 0 < len(specs._entries) <= MOST_SPECS


def test_texts_of_the_log() -> None:
    """Names that come again are cleaned once; those that clients make up do not stay."""
    redactor = Redactor()
    for number in range(MOST_TEXTS + 10):
        redactor.clean_again(f"model-{number}")
    assert 0 < len(redactor._known) <= MOST_TEXTS
    redactor.clean_again("x" * 100_000)
    assert max(map(len, redactor._known)) < 1_000


@pytest.mark.parametrize("remembered", [block_of, target, prefix], ids=["addresses", "targets", "shards"])
def test_functions_that_remember(remembered: Callable[..., object]) -> None:
    """Each has its most."""
    most = remembered.cache_info().maxsize  # type: ignore[attr-defined]
    assert most is not None
    assert most <= 16_384


def test_hosts() -> None:
    """`Host` is what a client writes."""
    hosts = Hosts((), loopback_only=True)
    for number in range(1_000):
        hosts._is_ours(f"host-{number}.example")
    assert hosts._is_ours.cache_info().currsize == hosts._is_ours.cache_info().maxsize == 64


def test_calls_without_a_store() -> None:
    """Beyond so many bytes of charges that no store has answered for, a journal says that it is full."""
    journal = Journal(None, "store")
    charge = bytes(1 << 20)
    for number in range(MOST_OPEN_BYTES // len(charge)):
        assert not journal.is_full
        journal.settled(f"call-{number}", charge)
    assert journal.is_full
