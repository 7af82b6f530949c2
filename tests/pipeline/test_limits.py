"""What is left, in headers and bodies: pure."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import Calendar, Fixed, Lifetime, Period, Rolling, Unit, Window
from gateway.pipeline.limits import headers, instant, seconds_until, shown
from tests.pipeline.budgets import DAY, EVER, MINUTE, MONTH, NOW_MS, budget, level


@pytest.mark.parametrize(
    ("at_ms", "seconds"),
    [(NOW_MS, 0), (NOW_MS + 1, 1), (NOW_MS + 1000, 1), (NOW_MS + 1001, 2), (NOW_MS - 1, 0), (NOW_MS - 10**9, 0)],
)
def test_seconds_are_rounded_up(at_ms: int, seconds: int) -> None:
    """Who waits so long does not come too early; what is past is 0."""
    assert seconds_until(at_ms, NOW_MS) == seconds


@given(at_ms=st.integers(0, 2**53), now_ms=st.integers(0, 2**53))
def test_after_the_seconds_it_is_time_and_no_second_earlier(at_ms: int, now_ms: int) -> None:
    """The number is the smallest one that is enough."""
    seconds = seconds_until(at_ms, now_ms)
    assert now_ms + seconds * 1000 >= at_ms
    assert seconds == 0 or now_ms + (seconds - 1) * 1000 < at_ms


@pytest.mark.parametrize(
    ("at_ms", "text"),
    [
        (None, None),
        (0, "1970-01-01T00:00:00Z"),
        (NOW_MS, "2027-01-15T08:00:00Z"),
        (NOW_MS + 1, "2027-01-15T08:00:01Z"),
        (NOW_MS - 999, "2027-01-15T08:00:00Z"),
        (1_835_395_200_000 - 1, "2028-02-29T00:00:00Z"),
    ],
)
def test_an_instant_is_utc_and_rounded_up(at_ms: int | None, text: str | None) -> None:
    """RFC 3339 with a `Z`, never before the reset."""
    assert instant(at_ms) == text


@pytest.mark.parametrize(
    ("window", "code", "seconds"),
    [
        (Rolling(30), "30d", 2_592_000),
        (Calendar(Period.DAY), "day", 86_400),
        (Calendar(Period.WEEK), "week", 604_800),
        (Calendar(Period.MONTH), "month", 2_592_000),
        (Fixed(60), "60s", 60),
        (Lifetime(), "lifetime", None),
    ],
)
def test_a_window_is_shown(window: Window, code: str, seconds: int | None) -> None:
    """By a short code in bodies, by its length in the policy; a lifetime has none."""
    one = level(budget(window=window))
    assert shown(one)["window"] == code
    policy = '"b";q=1000;qu="tokens"' + (f";w={seconds}" if seconds else "")
    assert headers([one], NOW_MS)["RateLimit-Policy"] == policy


def test_a_budget_is_shown_with_all_its_numbers() -> None:
    """What our own endpoint and refusals tell of a budget."""
    assert shown(level(budget(limit=1_000), used=300, held=200, resets_at_ms=NOW_MS)) == {
        "name": "b",
        "scope": "company",
        "window": "day",
        "unit": "tokens",
        "enforcement": "hard",
        "limit": 1_000,
        "used": 300,
        "held": 200,
        "remaining": 500,
        "resets_at": "2027-01-15T08:00:00Z",
    }


@pytest.mark.parametrize(
    ("limit", "used", "held", "remaining"),
    [(1_000, 900, 100, 0), (1_000, 1_200, 0, 0), (1_000, 0, 0, 1_000), (0, 5, 0, 0)],
)
def test_what_remains_counts_what_is_held_and_is_never_negative(
    limit: int, used: int, held: int, remaining: int
) -> None:
    """A debt shows as nothing left."""
    one = level(budget(limit=limit), used, held)
    assert shown(one)["remaining"] == remaining
    assert headers([one], NOW_MS)["RateLimit"] == f'"b";r={remaining}'


def test_an_unlimited_budget_is_counted_but_has_no_limit() -> None:
    """Its limit and what remains are null, and no header speaks of it."""
    one = level(budget(limit=-1), used=300, held=7, resets_at_ms=NOW_MS)
    assert (shown(one)["limit"], shown(one)["remaining"], shown(one)["used"], shown(one)["held"]) == (
        None,
        None,
        300,
        7,
    )
    assert headers([one], NOW_MS) == {}
    assert headers([], NOW_MS) == {}
    both = headers([one, level(budget("c"))], NOW_MS)
    assert (both["RateLimit"], both["x-ratelimit-limit-tokens"]) == ('"c";r=1000', "1000")


def test_every_limited_budget_is_told_in_order() -> None:
    """One item a budget, in both fields; the reset of a window that has not begun is left out."""
    levels = [
        level(budget("company", MONTH, limit=5_000), used=1_000),
        level(budget("user-daily", DAY, limit=900), used=100, held=50, resets_at_ms=NOW_MS + 60_500),
        level(budget("rpm", MINUTE, unit=Unit.REQUESTS, limit=10), used=9, resets_at_ms=NOW_MS + 100),
        level(budget("cap", EVER, unit=Unit.IN_FLIGHT, limit=4), held=1),
    ]
    assert headers(levels, NOW_MS) == {
        "RateLimit-Policy": '"company";q=5000;qu="tokens";w=2592000, "user-daily";q=900;qu="tokens";w=86400, '
        '"rpm";q=10;qu="requests";w=60, "cap";q=4;qu="concurrent-requests"',
        "RateLimit": '"company";r=4000, "user-daily";r=750;t=61, "rpm";r=1;t=1, "cap";r=3',
        "x-ratelimit-limit-tokens": "900",
        "x-ratelimit-remaining-tokens": "750",
        "x-ratelimit-reset-tokens": "61s",
    }


def test_the_tightest_budget_is_the_one_with_the_fewest_tokens_left() -> None:
    """Not the smallest limit, and never one of requests; it may have no reset."""
    levels = [
        level(budget("small", limit=100), used=10, resets_at_ms=NOW_MS + 1),
        level(budget("tight", MONTH, limit=1_000_000), used=999_990),
        level(budget("rpm", MINUTE, unit=Unit.REQUESTS, limit=1), used=1),
    ]
    fields = headers(levels, NOW_MS)
    assert (fields["x-ratelimit-limit-tokens"], fields["x-ratelimit-remaining-tokens"]) == ("1000000", "10")
    assert "x-ratelimit-reset-tokens" not in fields


def test_budgets_of_requests_alone_have_no_tokens_to_tell() -> None:
    """OpenAI's token headers appear only where tokens are limited."""
    fields = headers([level(budget(unit=Unit.REQUESTS, limit=10), used=1)], NOW_MS)
    assert set(fields) == {"RateLimit-Policy", "RateLimit"}


@given(limit=st.integers(0, 2**60), used=st.integers(0, 2**60), held=st.integers(0, 2**60))
def test_integers_fit_a_structured_field(limit: int, used: int, held: int) -> None:
    """RFC 9651 knows integers of at most 15 digits."""
    fields = headers([level(budget(limit=limit), used, held)], NOW_MS)
    left, quota = (
        int(fields["RateLimit"].partition("r=")[2]),
        int(fields["RateLimit-Policy"].split("=")[1].split(";")[0]),
    )
    assert 0 <= left <= quota < 10**15
