"""Which refusal a client is told, and whether it is asked to come back (LEDGER.md section 5). Pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.budget import Verdict
from gateway.errors import BudgetRefused
from gateway.model import Level, Unit, Window
from gateway.pipeline.refusal import cut_short, refused
from tests.pipeline.budgets import DAY, EVER, MINUTE, MONTH, NOW_MS, budget, level, refusal

ROOM, BUSY, SPENT, TOO_LARGE = Verdict
HOUR_MS = 3_600_000
IN_A_WHILE_MS = NOW_MS + 20_500

FREE = level(budget("free"))
FULL = level(budget("full", DAY), used=950, resets_at_ms=NOW_MS + HOUR_MS)
HELD = level(budget("held", DAY), used=100, held=850)
WINDOW = level(budget("window", MONTH), used=1_000)
SHORT = level(budget("short", MINUTE), used=1_000, resets_at_ms=IN_A_WHILE_MS)
CAP = level(budget("cap", EVER, unit=Unit.IN_FLIGHT, limit=2), held=2)
SMALL = level(budget("small", limit=50))
NEVER = level(budget("never", EVER), used=1_000)

RETRY, GIVE_UP = None, "false"

CASES = {
    "only holds": ([(HELD, BUSY, None)], "held", "rate_limited", "1", RETRY),
    "only holds, known when": ([(HELD, BUSY, IN_A_WHILE_MS)], "held", "rate_limited", "21", RETRY),
    "only holds, for long": ([(HELD, BUSY, NOW_MS + HOUR_MS)], "held", "rate_limited", "60", RETRY),
    "only holds, until now": ([(HELD, BUSY, NOW_MS)], "held", "rate_limited", "1", RETRY),
    "in flight": ([(CAP, BUSY, None)], "cap", "rate_limited", "1", RETRY),
    "spent, short window": ([(SHORT, SPENT, IN_A_WHILE_MS)], "short", "rate_limited", "21", RETRY),
    "spent, day": ([(FULL, SPENT, NOW_MS + HOUR_MS)], "full", "budget_exceeded", "3600", GIVE_UP),
    "spent, day, at once": ([(FULL, SPENT, NOW_MS - 5)], "full", "budget_exceeded", "1", GIVE_UP),
    "spent, rolling": ([(WINDOW, SPENT, NOW_MS + 1)], "window", "budget_exceeded", "1", GIVE_UP),
    "spent for ever": ([(NEVER, SPENT, None)], "never", "budget_exceeded", None, GIVE_UP),
    "too large": ([(SMALL, TOO_LARGE, None)], "small", "request_exceeds_budget", None, GIVE_UP),
    "too large, short": ([(SHORT, TOO_LARGE, None)], "short", "request_exceeds_budget", None, GIVE_UP),
    "free first": ([(FREE, ROOM, None), (FULL, SPENT, NOW_MS + 1)], "full", "budget_exceeded", "1", GIVE_UP),
    "free last": ([(HELD, BUSY, None), (FREE, ROOM, None)], "held", "rate_limited", "1", RETRY),
    "spent beats held": (
        [(HELD, BUSY, None), (FULL, SPENT, NOW_MS + HOUR_MS)], "full", "budget_exceeded", "3600", GIVE_UP,
    ),
    "too large beats spent": (
        [(SMALL, TOO_LARGE, None), (FULL, SPENT, NOW_MS + HOUR_MS)], "small", "request_exceeds_budget", None, GIVE_UP,
    ),
    "the longer wait": (
        [(WINDOW, SPENT, NOW_MS + 2 * HOUR_MS), (FULL, SPENT, NOW_MS + HOUR_MS)],
        "window", "budget_exceeded", "7200", GIVE_UP,
    ),
    "a day beats a minute": (
        [(SHORT, SPENT, IN_A_WHILE_MS), (FULL, SPENT, NOW_MS + HOUR_MS)], "full", "budget_exceeded", "3600", GIVE_UP,
    ),
    "for ever beats a day": (
        [(FULL, SPENT, NOW_MS + HOUR_MS), (NEVER, SPENT, None)], "never", "budget_exceeded", None, GIVE_UP,
    ),
    "the first of two alike": ([(HELD, BUSY, None), (CAP, BUSY, None)], "held", "rate_limited", "1", RETRY),
}  # fmt: skip

TYPES = {
    "rate_limited": "rate_limit_exceeded",
    "budget_exceeded": "insufficient_quota",
    "request_exceeds_budget": "insufficient_quota",
}

Row = tuple[Level, Verdict, int | None]


@pytest.mark.parametrize(("rows", "name", "code", "retry_after", "should_retry"), CASES.values(), ids=list(CASES))
def test_a_refusal_names_the_budget_that_keeps_the_call_longest(
    rows: list[Row], name: str, code: str, retry_after: str | None, should_retry: str | None
) -> None:
    """Which budget, in which words, when to come back, and whether an SDK may do so by itself."""
    error = refused(refusal(*rows))
    assert (error.budget["name"], error.code, error.type, error.status) == (name, code, TYPES[code], 429)
    assert error.headers.get("Retry-After") == retry_after
    assert error.headers.get("x-should-retry") == should_retry
    assert f"'{name}'" in error.message


def test_a_refusal_shows_the_budget_and_what_was_asked_of_it() -> None:
    """The object holds all numbers; `requested` is the least with which the call could have begun."""
    error = refused(refusal((FULL, SPENT, NOW_MS + HOUR_MS), prompt_tokens=100, least_tokens=3))
    assert error.budget == {
        "name": "full",
        "scope": "company",
        "window": "day",
        "unit": "tokens",
        "enforcement": "hard",
        "limit": 1_000,
        "used": 950,
        "held": 0,
        "requested": 103,
        "remaining": 50,
        "resets_at": "2027-01-15T09:00:00Z",
    }
    assert error.message == (
        "Budget 'full' (day, per company) is spent: this call needs 103 tokens. "
        "Of 1000, 950 are used and 0 held; 50 remain. It fits again at 2027-01-15T09:00:00Z."
    )


def test_a_rolling_budget_resets_for_this_call_when_enough_has_left_it() -> None:
    """`resets_at` of a spent budget is when the call fits, not when the first token leaves."""
    first_leaves = level(budget("window", MONTH), used=1_000, resets_at_ms=NOW_MS + HOUR_MS)
    error = refused(refusal((first_leaves, SPENT, NOW_MS + 5 * HOUR_MS)))
    assert (error.budget["resets_at"], error.headers["Retry-After"]) == ("2027-01-15T13:00:00Z", "18000")


def test_one_of_requests_is_asked_for_one() -> None:
    """In budgets of requests and of calls in flight a call asks for one, whatever its size."""
    for unit in (Unit.REQUESTS, Unit.IN_FLIGHT):
        one = level(budget(unit=unit, limit=4), held=4)
        assert refused(refusal((one, BUSY, None), prompt_tokens=10**6)).budget["requested"] == 1


def test_a_refusal_brings_the_numbers_of_all_budgets() -> None:
    """The headers tell every limited budget of the call, not only the one that refused."""
    error = refused(refusal((FREE, ROOM, None), (FULL, SPENT, NOW_MS + HOUR_MS)))
    assert error.headers["RateLimit"] == '"free";r=1000, "full";r=50;t=3600'
    assert error.headers["x-ratelimit-remaining-tokens"] == "50"


def test_a_stream_that_is_cut_names_its_budget() -> None:
    """The error event of a cut stream is `budget_exceeded`, with the budget's numbers."""
    error = cut_short(FULL)
    assert (error.type, error.code, error.budget["name"]) == ("insufficient_quota", "budget_exceeded", "full")
    assert "cut" in error.message


_WINDOWS = st.sampled_from([DAY, MINUTE, MONTH, EVER])
_ROWS = st.lists(
    st.tuples(
        _WINDOWS, st.sampled_from([BUSY, SPENT, TOO_LARGE]), st.none() | st.integers(NOW_MS - 10**6, NOW_MS + 10**11)
    ),
    min_size=1,
    max_size=6,
)


def _row(place: int, window: Window, verdict: Verdict, at_ms: int | None) -> Row:
    return level(budget(f"b{place}", window), used=900), verdict, at_ms


@given(rows=_ROWS)
def test_retries_are_invited_exactly_while_waiting_helps_soon(rows: list[tuple[Window, Verdict, int | None]]) -> None:
    """`x-should-retry: false` stands exactly with the types that do not invite, and a wait is 1 s at least."""
    error = refused(refusal(*(_row(place, *row) for place, row in enumerate(rows))))
    assert isinstance(error, BudgetRefused)
    is_inviting = error.code == "rate_limited"
    assert error.type == TYPES[error.code or ""]
    assert ("x-should-retry" in error.headers) is not is_inviting
    wait = error.headers.get("Retry-After")
    assert wait is None or int(wait) >= 1
    assert not is_inviting or 1 <= int(wait or 0) <= 60
    assert wait is None or error.code != "request_exceeds_budget"
    assert max(verdict for _, verdict, _ in rows) >= (Verdict.BUSY if is_inviting else Verdict.SPENT)
