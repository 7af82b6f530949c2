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
    problem = "left" if plan.is_left else "" if plan.is_exact and not disturbed else "cut"
    made = Made(1, plan, 0.0, 1.0, 200, problem)
    counts = Counts(requests=requests, weighted=used if rolled is None else rolled)
    return Entry(made, Truth(PROMPT, served, 1), Charge(used, 0, counts), disturbed)


def spared(
    plan: Plan, served: int, used: int, *, status: int = 200, problem: str = "", saw_usage: bool = False
) -> Entry:
    """Give a call that was under way when something else than the gateway was struck."""
    made = Made(1, plan, 0.0, 1.0, status, problem, saw_usage)
    truth = Truth(PROMPT, served, 1) if served else Truth()
    return Entry(made, truth, Charge(used, 0, Counts(requests=1, weighted=used)), was_disturbed=True, was_spared=True)


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
        (entry(STREAM, 400, PROMPT + 380, disturbed=True), (1, 0, 0)),
        (entry(CUT, 400, PROMPT + 420), (0, 0, 0)),
        (entry(CUT, 400, PROMPT + 399), (0, 0, 0)),  # a reset takes along what is on its way
        (entry(CUT, 400, PROMPT + 380), (1, 0, 0)),
        (entry(LEFT, 400, PROMPT + 399), (0, 0, 0)),
        (entry(LEFT, 400, PROMPT + 300), (1, 0, 0)),
    ],
)
def test_a_call_is_judged_by_what_was_served(one: Entry, expected: tuple[int, int, int]) -> None:
    """Exact without a kill; with one, never below the truth and above it by the hold or a tranche at most."""
    assert verdict(one) == expected


def test_a_delivered_answer_is_charged_to_the_token_whoever_died() -> None:
    """Its charge is written down before its last frame goes out."""
    for used, expected in ((399, (1, 0, 0)), (400, (0, 0, 0)), (401, (0, 1, 0))):
        charge = Charge(PROMPT + used, 0, Counts(requests=1, weighted=PROMPT + used))
        made = Made(1, STREAM, 0.0, 1.0, 200)
        assert verdict(Entry(made, Truth(PROMPT, 400, 1), charge, was_disturbed=True)) == expected


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (spared(WHOLE, 50, PROMPT + 50), (0, 0, 0)),
        (spared(WHOLE, 50, PROMPT + 51), (0, 1, 0)),
        (spared(WHOLE, 50, PROMPT + 49), (1, 0, 0)),
        (spared(WHOLE, 50, HOLD + 50, status=0, problem="late"), (0, 0, 0)),
        (spared(WHOLE, 50, HOLD + 51, status=0, problem="late"), (0, 1, 0)),
        (spared(WHOLE, 0, 0, status=503), (0, 0, 0)),
        (spared(WHOLE, 0, 1, status=503), (0, 1, 0)),
        (spared(CUT, 400, PROMPT + 400, problem="cut", saw_usage=True), (0, 0, 0)),
        (spared(CUT, 400, PROMPT + 401, problem="cut", saw_usage=True), (0, 1, 0)),
        (spared(CUT, 400, PROMPT + 401, problem="cut"), (0, 0, 0)),
    ],
)
def test_what_came_to_a_gateway_that_lives_on_is_charged_to_the_token(
    one: Entry, expected: tuple[int, int, int]
) -> None:
    """Where only its store was struck: a delivered answer, usage that was seen, and a call that was refused."""
    assert verdict(one) == expected
