"""The verdict on a call: what counts as lost, what as doubled, and what is within the ledger's promise."""

import pytest

from benchmarks.faults.books import Books, Charge, Entry, Truth
from benchmarks.faults.calls import Made, Plan
from benchmarks.faults.site import TRANCHE_TOKENS
from gateway.usage import Counts

PROMPT, HOLD = 25, 100
WHOLE = Plan("whole", "m:", most_tokens=50)
STREAM = Plan("stream", "m:", stream=True)
CUT = Plan("cut stream", "m:", stream=True, is_exact=False)
LEFT = Plan("left stream", "m:", stream=True, leaves_after=1.0, is_exact=False)


def entry(
    plan: Plan, served: int, used: int, *, disturbed: bool = False, requests: int = 1, rolled: int | None = None
) -> Entry:
    """Give a call of which `served` completion tokens were served, and that was charged `used`."""
    made = Made(1, plan, 0.0, 1.0, 200, "left" if plan.leaves_after else "")
    counts = Counts(requests=requests, weighted=used if rolled is None else rolled)
    return Entry(made, Truth(PROMPT, served, 1), Charge(used, 0, counts), disturbed)


def verdict(one: Entry) -> tuple[int, int, int]:
    """Give how many calls were lost, doubled, and differ from their roll-up."""
    books = Books([one], one.charge.counts.weighted, 0, 0, HOLD)
    return len(books.lost), len(books.doubled), books.differing


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (entry(WHOLE, 50, PROMPT + 50), (0, 0, 0)),
        (entry(WHOLE, 50, PROMPT + 49), (1, 0, 0)),
        (entry(WHOLE, 50, PROMPT + 51), (0, 1, 0)),
        (entry(WHOLE, 50, PROMPT + 50, requests=2), (0, 1, 0)),
        (entry(WHOLE, 50, PROMPT + 50, rolled=PROMPT + 49), (0, 0, 1)),
        (entry(WHOLE, 0, HOLD + 50, disturbed=True), (0, 0, 0)),
        (entry(WHOLE, 0, HOLD + 51, disturbed=True), (0, 1, 0)),
        (entry(STREAM, 400, HOLD + 400 + TRANCHE_TOKENS, disturbed=True), (0, 0, 0)),
        (entry(STREAM, 400, HOLD + 401 + TRANCHE_TOKENS, disturbed=True), (0, 1, 0)),
        (entry(STREAM, 400, PROMPT + 399, disturbed=True), (1, 0, 0)),  # it came to its end
        (entry(CUT, 400, PROMPT + 420), (0, 0, 0)),
        (entry(CUT, 400, PROMPT + 399), (1, 0, 0)),
        (entry(LEFT, 400, PROMPT + 399), (0, 0, 0)),
        (entry(LEFT, 400, PROMPT + 300), (1, 0, 0)),
    ],
)
def test_a_call_is_judged_by_what_was_served(one: Entry, expected: tuple[int, int, int]) -> None:
    """Exact without a kill; with one, never below the truth and above it by the hold or a tranche at most."""
    assert verdict(one) == expected
