"""What calls may take without the store."""

import pytest

from gateway.budget.away import Away
from gateway.budget.lease import Lease
from gateway.model import Enforcement, OnFailure, Unit
from tests.budget.orders import COMPANY, budget, order

TOKENS = budget(10_000)
REQUESTS = budget(10, name="rpm", unit=Unit.REQUESTS)


def lease(call: str, granted_tokens: int, prompt: int = 10) -> Lease:
    """Give the lease of a call."""
    return Lease(order(call, TOKENS, REQUESTS, prompt=prompt), 0, granted_tokens, (), ())


def grace(tokens: int) -> Away:
    """Give an allowance."""
    return Away(OnFailure.GRACE, grace_tokens=tokens)


def test_closed_grants_nothing() -> None:
    """That is the default."""
    assert Away().admit(order("a", TOKENS, want=5)) is None
    assert not Away().grow(lease("a", 5), 10)


def test_grace_ends_with_the_allowance() -> None:
    """A call is shortened to what is left, as long as that makes sense; then none is admitted."""
    away = grace(100)
    assert away.admit(order("a", TOKENS, prompt=10, want=50)) == 50
    assert away.admit(order("b", TOKENS, prompt=10, want=50, least=5)) == 30
    assert away.admit(order("c", TOKENS, prompt=10, want=5, least=1)) is None
    assert away.admit(order("d", TOKENS, prompt=0, want=5, least=1)) is None


def test_what_was_used_counts_until_the_store_has_it() -> None:
    """Settled for less, the rest is there for others; charged in the store, all of it is."""
    away = grace(100)
    assert away.admit(order("a", TOKENS, prompt=10, want=90, least=90)) == 90
    away.settled(lease("a", 90), [40, 1])
    assert away.admit(order("b", TOKENS, prompt=61, want=0)) is None
    away.paid("a")
    away.paid("a")
    assert away.admit(order("c", TOKENS, prompt=10, want=90, least=90)) == 90


def test_a_call_that_used_nothing_is_paid_after_all_others() -> None:
    """Its company has nothing left by then, and has its whole allowance again."""
    away = grace(100)
    for call in ("a", "b"):
        assert away.admit(order(call, TOKENS, prompt=10, want=40)) == 40
    away.settled(lease("a", 40), [50, 1])
    away.settled(lease("b", 40), [0, 0])
    away.paid("a")
    away.settled(lease("b", 40), [0, 0])
    away.paid("b")
    assert away.admit(order("c", TOKENS, prompt=10, want=90, least=90)) == 90


def test_a_stream_that_the_store_admitted_takes_only_what_it_grows_by() -> None:
    """Its first hold is in the store."""
    away = grace(100)
    assert away.grow(lease("a", 1000), 1060)
    assert away.grow(lease("a", 1060), 1100)
    assert not away.grow(lease("a", 1100), 1101)
    away.settled(lease("a", 1100), [1050, 1])
    assert away.admit(order("b", TOKENS, prompt=60, want=0)) == 0


def test_companies_do_not_share_an_allowance() -> None:
    """What one takes leaves the other's as it was."""
    away = grace(100)
    first = order("a", TOKENS, prompt=100)
    assert first.company_id == COMPANY
    assert away.admit(first) == 0
    second = type(first)("b", "99999999-9999-4999-8999-999999999999", first.asks, 0, 0)
    assert away.admit(second) == 0


@pytest.mark.parametrize("policy", [OnFailure.GRACE, OnFailure.OPEN])
def test_who_is_blocked_stays_blocked(policy: OnFailure) -> None:
    """A limit of 0 needs no store to be known; one in shadow refuses nothing here either."""
    away = Away(policy, grace_tokens=100)
    assert away.admit(order("a", budget(0), prompt=1)) is None
    assert away.admit(order("b", budget(0, enforcement=Enforcement.SHADOW), prompt=1)) == 0


def test_open_grants_everything_and_counts_it() -> None:
    """Calls and tokens are told, growth included."""
    told: list[tuple[int, int]] = []
    away = Away(OnFailure.OPEN, on_taken=lambda tokens, calls: told.append((tokens, calls)))
    assert away.admit(order("a", TOKENS, prompt=10, want=10**9)) == 10**9
    assert away.grow(lease("b", 10), 50)
    assert told == [(10 + 10**9, 1), (40, 0)]
