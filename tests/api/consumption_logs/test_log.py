"""One log, field by field. No server here."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.api.consumption_logs.asked import Kind
from gateway.api.consumption_logs.log import log
from gateway.usage import Consumption, Counts, Interval, Totals, UsageKey
from tests.usage.charges import ACME, ADA, BOB, HELPDESK

DAY = Interval(date(2026, 11, 21), date(2026, 11, 22))
MONTH = Interval(date(2026, 11, 1), date(2026, 12, 1))
PAID = UsageKey("openai", "chat", "sk-...abcd", "gpt-4o", "$", "QA")
FREE = UsageKey("local", "embeddings", "sk-...abcd", "bge", "", "IE")

INT32 = [
    "totalSessions", "validSessions", "completions", "deepThoughtValidSessions", "deepThoughtCompletions",
    "nonChargeableCompletions", "nonChargeableDeepThoughtCompletions",
]  # fmt: skip
FIELDS = [
    "consumptionLogID", "from", "to", "type", "userID", "userName", "tenantName", "memoriID", "memoriName",
    "totalSessions", "validSessions", "completions", "deepThoughtValidSessions", "deepThoughtCompletions",
    "importedSize", "nonChargeableCompletions", "nonChargeableDeepThoughtCompletions", "nonChargeableImportedSize",
    "promptTokens", "completionTokens",
]  # fmt: skip


def consumed(
    counts: Mapping[UsageKey, Counts] | None = None,
    totals: Totals | None = None,
    user_id: str | None = ADA.id,
    agent_id: str | None = HELPDESK.id,
    sessions: tuple[int, int, int] = (7, 8, 9),
) -> Consumption:
    return Consumption(user_id, agent_id, counts or {}, totals or Totals(), *sessions)


def test_a_log_has_every_field_of_the_schema_and_no_other() -> None:
    """Each number has its place; tokens are digits, under keys of five bars."""
    counts = {PAID: Counts(10, 20, 3, 4, 5, 6, 7, 8), FREE: Counts(30)}
    found = log(Kind.DAILY, DAY, ACME, ADA, HELPDESK, consumed(counts, Totals(1, 2, 3, 4, 5, 6)))
    assert list(found) == FIELDS
    assert str(UUID(str(found.pop("consumptionLogID"))))
    assert found == {
        "from": "2026-11-21T00:00:00Z",
        "to": "2026-11-22T00:00:00Z",
        "type": "Daily",
        "userID": ADA.id,
        "userName": "ada",
        "tenantName": "acme",
        "memoriID": HELPDESK.id,
        "memoriName": "helpdesk",
        "totalSessions": 7,
        "validSessions": 8,
        "completions": 1,
        "deepThoughtValidSessions": 9,
        "deepThoughtCompletions": 2,
        "importedSize": 5,
        "nonChargeableCompletions": 3,
        "nonChargeableDeepThoughtCompletions": 4,
        "nonChargeableImportedSize": 6,
        "promptTokens": {"openai|chat|sk-...abcd|gpt-4o|$|QA": "10", "local|embeddings|sk-...abcd|bge||IE": "30"},
        "completionTokens": {"openai|chat|sk-...abcd|gpt-4o|$|QA": "20"},
    }


def test_nobody_is_null() -> None:
    """A call of no user or no agent, and a name that is not configured, are null."""
    found = log(Kind.MONTHLY, MONTH, ACME, None, None, consumed(user_id=None, agent_id=None))
    assert [found[name] for name in ("userID", "userName", "memoriID", "memoriName")] == [None] * 4
    found = log(Kind.MONTHLY, MONTH, ACME, None, None, consumed())
    assert (found["userID"], found["userName"]) == (ADA.id, None)
    assert (found["memoriID"], found["memoriName"]) == (HELPDESK.id, None)


@pytest.mark.parametrize("amount", [2**31 - 1, 2**31, 2**53, 2**63 - 1])
def test_numbers_stay_in_their_types(amount: int) -> None:
    """What does not fit into an int32 is shown as the largest that does; int64 and digits hold everything."""
    huge = consumed({PAID: Counts(amount, amount)}, Totals(*[amount] * 6), sessions=(amount, amount, amount))
    found: dict[str, Any] = log(Kind.DAILY, DAY, ACME, ADA, HELPDESK, huge)
    assert {found[name] for name in INT32} == {2**31 - 1}
    assert found["importedSize"] == found["nonChargeableImportedSize"] == amount
    assert {*found["promptTokens"].values(), *found["completionTokens"].values()} == {str(amount)}


ABOUT = st.tuples(
    st.sampled_from([Kind.DAILY, Kind.MONTHLY]),
    st.sampled_from([DAY, MONTH, Interval(MONTH.first, date(2026, 11, 2))]),
    st.sampled_from([ADA.id, BOB.id, None]),
    st.sampled_from([HELPDESK.id, None]),
)


@given(one=ABOUT, other=ABOUT)
def test_an_id_belongs_to_one_log_for_ever(one: tuple[Any, ...], other: tuple[Any, ...]) -> None:
    """The same interval, user and agent have the same ID, and no others have it."""

    def identify(kind: Kind, interval: Interval, user_id: str | None, agent_id: str | None) -> object:
        about = consumed(user_id=user_id, agent_id=agent_id)
        return log(kind, interval, ACME, None, None, about)["consumptionLogID"]

    # A log's type and first day say how long its interval is.
    same = (one[0], one[1].first, *one[2:]) == (other[0], other[1].first, *other[2:])
    assert (identify(*one) == identify(*other)) is same
