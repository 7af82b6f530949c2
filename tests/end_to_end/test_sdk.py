"""The official SDK with only its base URL and key changed: everything it can do, it still does."""

from datetime import UTC, datetime, timedelta

import openai
import pytest

from gateway.store import Store
from gateway.usage import days
from tests.end_to_end.conftest import Client
from tests.end_to_end.serving import FarEnd, Served, budget, used
from tests.gateways import ACME, OTHER_KEY
from tests.provider.counting import WORDS

HELLO = {"messages": [{"role": "user", "content": "Hello there"}]}
TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {}}}}
PURPOSE, SESSION, USER = "X-Gateway-Purpose", "X-Gateway-Session", "X-Gateway-User"
SOMEONE = "55555555-5555-4555-8555-555555555555"
SOMEBODY = "55555555-5555-4555-8555-555555555556"


def text(tokens: int) -> str:
    """Give what the far end says in so many tokens."""
    return "".join(WORDS[at % len(WORDS)] for at in range(tokens))


def test_a_chat_answer_is_the_providers(sdk: openai.OpenAI, far_end: FarEnd) -> None:
    """The text, the reason it ended and the usage arrive as the provider sent them, and that usage is charged."""
    answer = sdk.chat.completions.create(model="gpt-4o/m:tokens-7", **HELLO)
    assert answer.choices[0].message.content == text(7)
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage
    assert answer.usage.completion_tokens == 7
    assert answer.usage.total_tokens == far_end.served_tokens() == used(sdk, "own")


def test_a_stream_brings_what_naive_code_expects(sdk: openai.OpenAI, far_end: FarEnd) -> None:
    """Unasked, no usage chunk comes: every chunk has a choice; the call is charged by the usage all the same."""
    chunks = list(sdk.chat.completions.create(model="gpt-4o/m:tokens-7", stream=True, **HELLO))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == text(7)
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert len(chunks) == 1 + 7 + 1
    assert not any(chunk.usage for chunk in chunks)
    assert far_end.body()["stream_options"] == {"include_usage": True}
    assert far_end.served_tokens() == used(sdk, "own")


def test_a_stream_brings_its_usage_when_asked(sdk: openai.OpenAI, far_end: FarEnd) -> None:
    """With `include_usage`, the last chunk has no choice and the provider's usage."""
    options = {"include_usage": True}
    stream = sdk.chat.completions.create(model="gpt-4o/m:tokens-7", stream=True, stream_options=options, **HELLO)
    *chunks, last = list(stream)
    assert len(chunks) == 1 + 7 + 1
    assert last.choices == []
    assert last.usage
    assert last.usage.total_tokens == far_end.served_tokens() == used(sdk, "own")


async def test_the_async_client_gets_the_same(async_sdk: openai.AsyncOpenAI) -> None:
    """Whole, streamed, and with the usage asked for."""
    answer = await async_sdk.chat.completions.create(model="gpt-4o/m:tokens-7", **HELLO)
    assert answer.choices[0].message.content == text(7)
    async with await async_sdk.chat.completions.create(model="gpt-4o/m:tokens-7", stream=True, **HELLO) as stream:
        assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == text(7)
    options = {"include_usage": True}
    stream = await async_sdk.chat.completions.create(
        model="gpt-4o/m:tokens-7", stream=True, stream_options=options, **HELLO
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[-1].usage == answer.usage


def test_a_tool_call_comes_through(sdk: openai.OpenAI, far_end: FarEnd) -> None:
    """The tools reach the provider, its call reaches the app."""
    answer = sdk.chat.completions.create(model="gpt-4o/m:tools.tokens-4", tools=[TOOL], **HELLO)
    (call,) = answer.choices[0].message.tool_calls or ()
    assert (call.id, call.type, answer.choices[0].finish_reason) == ("call_1", "function", "tool_calls")
    assert call.function.name == "get_weather"
    assert call.function.arguments == f'{{"q":"{text(4)}"}}'
    assert far_end.body()["tools"] == [TOOL]


def test_a_tool_call_is_put_together_from_a_stream(sdk: openai.OpenAI) -> None:
    """The SDK's own accumulator makes the same call of the chunks."""
    with sdk.chat.completions.stream(model="gpt-4o/m:tools.tokens-4", tools=[TOOL], **HELLO) as stream:
        answer = stream.get_final_completion()
    (call,) = answer.choices[0].message.tool_calls or ()
    assert call.function.name == "get_weather"
    assert call.function.arguments == f'{{"q":"{text(4)}"}}'


def test_several_choices_come(sdk: openai.OpenAI, far_end: FarEnd) -> None:
    """`n` choices arrive and are charged, whole and streamed."""
    answer = sdk.chat.completions.create(model="gpt-4o/m:tokens-5", n=3, **HELLO)
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    said = ["", "", ""]
    for chunk in sdk.chat.completions.create(model="gpt-4o/m:tokens-5", n=3, stream=True, **HELLO):
        said[chunk.choices[0].index] += chunk.choices[0].delta.content or ""
    assert said == [choice.message.content for choice in answer.choices]
    assert far_end.served_tokens() == used(sdk, "own")


def test_embeddings_are_numbers(sdk: openai.OpenAI, far_end: FarEnd) -> None:
    """What the SDK asks for by itself, base64, goes through and comes out as floats."""
    answer = sdk.embeddings.create(model="gpt-4o/m:", input=["Hello there", "you"], dimensions=4)
    assert [one.embedding for one in answer.data] == [[1.0, 0.0, 0.0, 0.0]] * 2
    assert far_end.body()["encoding_format"] == "base64"
    assert answer.usage.total_tokens == far_end.served_tokens() == used(sdk, "own")


def test_legacy_completions_come(sdk: openai.OpenAI, far_end: FarEnd) -> None:
    """Whole and streamed."""
    answer = sdk.completions.create(model="gpt-4o/m:tokens-5", prompt="Hello there")
    assert answer.choices[0].text == text(5)
    chunks = list(sdk.completions.create(model="gpt-4o/m:tokens-5", prompt="Hello there", stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == text(5)
    assert far_end.served_tokens() == used(sdk, "own")


def test_models_are_listed_and_retrieved(sdk: openai.OpenAI) -> None:
    """Those that have a name are listed; one behind a pattern, with any characters of its name, is found."""
    listed = {model.id: model.owned_by for model in sdk.models.list()}
    assert listed == {"m:silent": "hasty", "gone": "gone"}
    assert sdk.models.retrieve("m:silent").owned_by == "hasty"
    model = sdk.models.retrieve("meta/llama-3:8b")
    assert (model.id, model.object, model.owned_by) == ("meta/llama-3:8b", "model", "far")


@pytest.mark.parametrize("stream", [False, True])
def test_headers_say_what_is_left(sdk: openai.OpenAI, gateway: Served, stream: bool) -> None:
    """Every answer has the gateway's request id, each budget of the caller, and OpenAI's fields for the tightest."""
    sdk.chat.completions.create(model="gpt-4o/m:tokens-7", **HELLO)
    raw = sdk.chat.completions.with_raw_response.create(model="gpt-4o/m:tokens-7", stream=stream, **HELLO)
    if stream:
        list(raw.parse())
    left = budget(sdk, "own")
    remaining = int(raw.headers["x-ratelimit-remaining-tokens"])
    # A stream's headers leave while its hold is open, a whole answer's after it was settled.
    assert 0 < remaining < left["remaining"] if stream else remaining == left["remaining"]
    assert raw.headers["x-ratelimit-limit-tokens"] == str(left["limit"])
    assert raw.headers["x-ratelimit-reset-tokens"].endswith("s")
    assert '"own";q=2000;qu="tokens";w=2592000' in raw.headers["RateLimit-Policy"]
    assert '"company";r=' in raw.headers["RateLimit"]
    assert f'"own";r={remaining}' in raw.headers["RateLimit"]
    assert gateway.call_of(raw.headers["x-request-id"])["stream"] is stream


def test_the_raw_answer_parses(sdk: openai.OpenAI) -> None:
    """`with_raw_response` gives headers and the same answer; the SDK's own request id is the gateway's."""
    raw = sdk.chat.completions.with_raw_response.create(model="gpt-4o/m:tokens-7", **HELLO)
    assert raw.parse().choices[0].message.content == text(7)
    assert raw.parse()._request_id == raw.headers["x-request-id"]
    assert "far-" not in raw.headers["x-request-id"]


def test_headers_say_why_and_for_whom(sdk: openai.OpenAI, gateway: Served, far_end: FarEnd) -> None:
    """Purpose, session and user are the call's, per request; none of them reaches the provider, nor does the key."""
    extra = {PURPOSE: "DT", SESSION: "session-1", USER: SOMEONE}
    answer = sdk.chat.completions.create(model="gpt-4o/m:tokens-7", extra_headers=extra, **HELLO)
    line = gateway.call_of(answer._request_id or "")
    assert (line["purpose"], line["user"], line["key"]) == ("DT", SOMEONE, "backend")
    (entry,) = far_end.log()
    sent = {name.lower(): value for name, value in entry["headers"]}
    assert not [name for name in sent if name.startswith("x-gateway")]
    assert sdk.api_key not in str(entry)
    assert sent["authorization"].startswith("Bearer sk-upstream")


async def test_sessions_are_told_apart(async_sdk: openai.AsyncOpenAI, gateway: Served) -> None:
    """Three calls in two sessions of a user are remembered as two sessions."""
    for session in ("first", "second", "first"):
        headers = {USER: SOMEBODY, SESSION: session}
        await async_sdk.chat.completions.create(model="gpt-4o/m:tokens-1", extra_headers=headers, **HELLO)
    store = Store.connect(gateway.store_url)
    today, day = datetime.now(UTC).date(), timedelta(days=1)
    records = [record async for record in days(store, ACME, today - day, today + day) if record.user_id == SOMEBODY]
    await store.close()
    assert len(frozenset().union(*(record.sessions for record in records))) == 2
    assert sum(counts.requests for record in records for counts in record.counts.values()) == 3


def test_the_body_says_why_and_for_whom(sdk: openai.OpenAI, gateway: Served, far_end: FarEnd) -> None:
    """`metadata.purpose` states the purpose and is not passed on; `user` names the user of a key that may do so."""
    call = {"metadata": {"purpose": "DT", "trace": "7"}, "user": SOMEONE, **HELLO}
    answer = sdk.with_options(set_default_headers={}).chat.completions.create(model="gpt-4o/m:tokens-7", **call)
    line = gateway.call_of(answer._request_id or "")
    assert (line["purpose"], line["user"]) == ("DT", SOMEONE)
    assert far_end.body()["metadata"] == {"trace": "7"}


def test_another_company_sees_its_own_budgets(client: Client, gateway: Served) -> None:
    """A key's headers name its own company's budget and nobody else's."""
    raw = client(gateway, OTHER_KEY).chat.completions.with_raw_response.create(model="m:tokens-3", **HELLO)
    assert raw.headers["x-ratelimit-limit-tokens"] == "1000"
    assert "own" not in raw.headers["RateLimit"]
