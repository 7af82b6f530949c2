"""A budget that refuses: what the app is told, and how often the SDK asks again by itself."""

from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import openai
import pytest

from tests.end_to_end.conftest import OWN_TOKENS, TIGHT_TOKENS, TRANCHE_TOKENS, Client
from tests.end_to_end.serving import FarEnd, Served, budget, eventually, used
from tests.end_to_end.test_sdk import HELLO, PURPOSE, USER, text

SPEND = f"gpt-4o/m:prompt-{OWN_TOKENS - 1}.tokens-1"
TIGHT = {PURPOSE: "DT"}
PROMPT_TOKENS = 9
"""What HELLO takes: 3 to prime the answer, 3 around the message, its role, two words."""
ENDLESS_TOKENS = 20_000

Seen = list[Any]
"""The answers that a client got from the gateway, each with its request: more than one when the SDK asked again."""


@pytest.fixture
def seen() -> Seen:
    """Give what the client of the test sees on the wire."""
    return []


@pytest.fixture
def watched(sdk: openai.OpenAI, seen: Seen) -> Iterator[openai.OpenAI]:
    """Give the official client with its own retries, watched."""
    with openai.DefaultHttpxClient(event_hooks={"response": [seen.append]}) as transport:
        yield sdk.with_options(http_client=transport)


@pytest.fixture
async def async_watched(async_sdk: openai.AsyncOpenAI, seen: Seen) -> AsyncIterator[openai.AsyncOpenAI]:
    """Give the official async client with its own retries, watched."""

    async def see(answer: Any) -> None:
        seen.append(answer)

    async with openai.DefaultAsyncHttpxClient(event_hooks={"response": [see]}) as transport:
        yield async_sdk.with_options(http_client=transport)


def check_is_spent(error: openai.RateLimitError) -> None:
    """Check that the exception says all that an app has to know of its spent budget."""
    assert (error.code, error.type, error.param) == ("budget_exceeded", "insufficient_quota", None)
    assert isinstance(error.body, dict)
    told = dict(error.body["budget"])
    resets_at = datetime.fromisoformat(told.pop("resets_at"))
    assert told == {
        "name": "own",
        "scope": "user",
        "window": "30d",
        "unit": "tokens",
        "enforcement": "hard",
        "limit": OWN_TOKENS,
        "used": OWN_TOKENS,
        "held": 0,
        "remaining": 0,
        "requested": PROMPT_TOKENS + 1,
    }
    assert "Budget 'own' (30d, per user) is spent" in error.message
    # What was spent leaves a rolling window of 30 days at most one bucket of 2 hours late.
    assert timedelta(days=29) < resets_at - datetime.now(UTC) < timedelta(days=30, hours=3)
    headers = error.response.headers
    assert headers["x-should-retry"] == "false"
    assert timedelta(days=29) < timedelta(seconds=int(headers["Retry-After"])) < timedelta(days=30, hours=3)
    assert '"own";r=0' in headers["RateLimit"]
    assert headers["x-ratelimit-remaining-tokens"] == "0"


@pytest.mark.parametrize("stream", [False, True])
def test_a_spent_budget_costs_one_request(
    sdk: openai.OpenAI, watched: openai.OpenAI, gateway: Served, far_end: FarEnd, seen: Seen, stream: bool
) -> None:
    """The SDK raises RateLimitError at once: one request at the gateway, none at the provider, never a stream."""
    watched.chat.completions.create(model=SPEND, **HELLO)
    with pytest.raises(openai.RateLimitError) as caught:
        watched.chat.completions.create(model="gpt-4o/m:", stream=stream, **HELLO)
    check_is_spent(caught.value)
    assert budget(sdk, "own").items() <= caught.value.body["budget"].items()
    assert [answer.status_code for answer in seen] == [200, 429]
    assert seen[1].headers["Content-Type"] == "application/json"
    gateway.call_of(caught.value.request_id or "")
    user = watched.default_headers[USER]
    assert [line["status"] for line in gateway.log() if line.get("user") == user and "status" in line] == [200, 429]
    assert len(far_end.log()) == 1


async def test_a_spent_budget_costs_the_async_client_one_request(async_watched: openai.AsyncOpenAI, seen: Seen) -> None:
    """The async client raises the same, as soon."""
    await async_watched.chat.completions.create(model=SPEND, **HELLO)
    with pytest.raises(openai.RateLimitError) as caught:
        await async_watched.chat.completions.create(model="gpt-4o/m:", **HELLO)
    check_is_spent(caught.value)
    assert [answer.status_code for answer in seen] == [200, 429]


def test_one_users_spent_budget_is_not_anothers(watched: openai.OpenAI, client: Client, gateway: Served) -> None:
    """The next user of the same company is served."""
    watched.chat.completions.create(model=SPEND, **HELLO)
    assert client(gateway).chat.completions.create(model="gpt-4o/m:", **HELLO).choices


def test_a_call_larger_than_its_budget_costs_one_request(watched: openai.OpenAI, far_end: FarEnd, seen: Seen) -> None:
    """Nothing was spent and nothing will help: no retry, and no time to come back at."""
    messages: Any = [{"role": "user", "content": " the" * (OWN_TOKENS + 1)}]
    with pytest.raises(openai.RateLimitError) as caught:
        watched.chat.completions.create(model="gpt-4o/m:", messages=messages)
    assert (caught.value.code, caught.value.type) == ("request_exceeds_budget", "insufficient_quota")
    assert isinstance(caught.value.body, dict)
    told = caught.value.body["budget"]
    assert (told["name"], told["limit"], told["used"], told["held"]) == ("own", OWN_TOKENS, 0, 0)
    assert told["requested"] > OWN_TOKENS
    assert "Retry-After" not in seen[0].headers
    assert len(seen) == 1
    assert far_end.log() == []


def test_what_waits_for_holds_succeeds_by_the_sdks_own_retry(sdk: openai.OpenAI, far_end: FarEnd) -> None:
    """While another call holds the budget, a call is `rate_limited`; the SDK comes back, and by then there is room."""
    call = {"model": "gpt-4o/m:tokens-12.gate-0", "max_tokens": TIGHT_TOKENS, "extra_headers": TIGHT, **HELLO}
    # The first is granted 256 tokens beside its prompt; this one's prompt does not fit into the rest.
    longer = call | {"messages": [{"role": "user", "content": "Hello again and again. " * 10}]}
    seen: Seen = []

    def let_the_first_end(answer: Any) -> None:
        seen.append(answer)
        if answer.status_code == openai.RateLimitError.status_code:
            answer.read()
            far_end.open()
            first.result()

    with (
        ThreadPoolExecutor(1) as pool,
        openai.DefaultHttpxClient(event_hooks={"response": [let_the_first_end]}) as transport,
    ):
        first = pool.submit(sdk.chat.completions.create, **call)
        held = eventually(lambda: budget(sdk, "tight")["held"])
        answer = sdk.with_options(http_client=transport).chat.completions.create(**longer)
    refusal, success = seen
    assert (refusal.status_code, success.status_code) == (429, 200)
    assert answer.choices[0].message.content == text(12)
    error = refusal.json()["error"]
    assert (error["code"], error["type"]) == ("rate_limited", "rate_limit_exceeded")
    assert (error["budget"]["name"], error["budget"]["used"], error["budget"]["held"]) == ("tight", 0, held)
    assert "x-should-retry" not in refusal.headers
    assert refusal.headers["Retry-After"] == "1"
    assert used(sdk, "tight") == far_end.served_tokens()


def test_a_stream_is_cut_where_its_budget_ends(sdk: openai.OpenAI, far_end: FarEnd) -> None:
    """What fits is delivered, the last chunk says `length`, then APIError names the budget; the provider is stopped."""
    said, reason = "", None
    call = {"model": f"gpt-4o/m:tokens-{ENDLESS_TOKENS}.delay-1", "max_tokens": ENDLESS_TOKENS, "extra_headers": TIGHT}
    stream = sdk.chat.completions.create(stream=True, **call, **HELLO)
    with pytest.raises(openai.APIError, match="Budget 'tight'") as caught:  # noqa: PT012 - it comes in the loop
        for chunk in stream:
            said += chunk.choices[0].delta.content or ""
            reason = chunk.choices[0].finish_reason
    assert reason == "length"
    assert text(ENDLESS_TOKENS).startswith(said)
    assert not isinstance(caught.value, openai.APIStatusError)
    assert (caught.value.code, caught.value.type) == ("budget_exceeded", "insufficient_quota")
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["budget"]["limit"] == TIGHT_TOKENS
    assert TIGHT_TOKENS - TRANCHE_TOKENS <= PROMPT_TOKENS + len(said.split()) <= used(sdk, "tight")
    assert far_end.served_tokens() < ENDLESS_TOKENS
    assert [entry["outcome"] for entry in far_end.log()] == ["left"]
