"""Anthropic's official SDK with only its base URL and key changed, through the gateway to a far end of its language."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anthropic
import pytest

from gateway.store.connection import Store
from tests.gateways import ADA_KEY, PROVIDER_SECRET, Client, Limits, gateway_running
from tests.provider.anthropic import FarEnd, Plan, far_end_serving, text_block

MODEL = "claude-sonnet-4-6"
HELLO: Any = [{"role": "user", "content": "Hello there"}]
CALL: dict[str, Any] = {"model": MODEL, "max_tokens": 200, "messages": HELLO}
TOOL: Any = {"name": "get_weather", "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}
TOOL_USE = {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Rome"}}
CACHED = {"input_tokens": 10, "cache_read_input_tokens": 40, "cache_creation_input_tokens": 7, "output_tokens": 3}
BETA: dict[str, Any] = {"beta": "true"}
FEW = f'{{name: few, key: few-key-0123456789, company: acme, user: ada, models: ["{MODEL}"]}}'


@dataclass(frozen=True)
class Far:
    """A gateway before a far end, and the official client; `requests` is how often the client asked the gateway."""

    end: FarEnd
    client: Client
    sdk: anthropic.AsyncAnthropic
    requests: list[Any]

    async def used(self) -> int:
        """Give what the company was charged, once nothing is held any more."""
        used, held = await self.client.company()
        assert held == 0
        return used


Opened = Callable[..., Awaitable[Far]]


@pytest.fixture
async def opened(valkey_store: Store, tmp_path: Path) -> AsyncIterator[Opened]:
    """Give what opens a gateway in front of a far end."""
    async with AsyncExitStack() as stack:

        async def enter(key: str = ADA_KEY, **limits: Any) -> Far:
            end, origin = await stack.enter_async_context(far_end_serving())
            claude = (
                f"  claude: {{dialect: anthropic, base_url: {origin}, api_key: {PROVIDER_SECRET}, timeouts: "
                f'{{connect: 2, first_byte: 5, between_bytes: 5}}, models: {{"{MODEL}": {{}}, "claude-*": {{}}}}}}'
            )
            settings = Limits(providers=claude, keys=f"  - {FEW}", **limits)
            client = await stack.enter_async_context(gateway_running(valkey_store, tmp_path, f"{origin}/v1", settings))
            requests: list[Any] = []

            async def see(answer: Any) -> None:
                requests.append(answer)

            transport = await stack.enter_async_context(
                anthropic.DefaultAsyncHttpxClient(event_hooks={"response": [see]})
            )
            sdk = anthropic.AsyncAnthropic(base_url=client.url, api_key=key, http_client=transport)
            return Far(end, client, sdk, requests)

        yield enter


@pytest.fixture
async def far(opened: Opened) -> Far:
    """Give a gateway with wide budgets."""
    return await opened()


async def test_an_answer_is_the_providers(far: Far) -> None:
    """Text, reason and usage arrive as they were sent; caches are part of the input that is charged."""
    far.end.plan = Plan(usage=CACHED)
    message = await far.sdk.messages.create(**CALL)
    assert message.content[0].to_dict() == text_block(3)
    assert (message.stop_reason, message.usage.cache_read_input_tokens) == ("end_turn", 40)
    assert message._request_id == far.requests[0].headers["x-request-id"]
    assert await far.used() == 10 + 40 + 7 + 3


async def test_what_the_provider_gets(far: Far) -> None:
    """Its own credential, the client's version, and the body as it was but for the purpose."""
    await far.sdk.messages.create(
        **CALL, metadata={"user_id": "u"}, extra_body={"metadata": {"purpose": "QA"}, "new": [1]}
    )
    (asked,) = far.end.asked
    assert asked.body == CALL | {"new": [1]}
    assert (asked.target, asked.headers["x-api-key"]) == ("/v1/messages", PROVIDER_SECRET)
    assert asked.headers["anthropic-version"] == far.requests[0].request.headers["anthropic-version"]
    assert ADA_KEY not in str(asked)


async def test_a_stream(far: Far) -> None:
    """The stream helper gives the text and the final message; the last totals are charged, once."""
    far.end.plan = Plan(blocks=[text_block(50)], usage={"input_tokens": 12, "output_tokens": 50})
    async with far.sdk.messages.stream(**CALL) as stream:
        text = "".join([part async for part in stream.text_stream])
        message = await stream.get_final_message()
    assert text == text_block(50)["text"]
    assert (message.usage.input_tokens, message.usage.output_tokens) == (12, 50)
    assert await far.used() == 62


async def test_the_plain_client(far: Far) -> None:
    """The client that waits is served as the one that does not."""

    def ask() -> tuple[str, int]:
        with (
            anthropic.Anthropic(base_url=far.client.url, api_key=ADA_KEY) as sdk,
            sdk.messages.stream(**CALL) as stream,
        ):
            return stream.get_final_text(), sdk.messages.create(**CALL).usage.output_tokens

    assert await asyncio.to_thread(ask) == (text_block(3)["text"], 3)
    assert await far.used() == 2 * 13


async def test_raw_events(far: Far) -> None:
    """Each event of the provider arrives, in order and to the end."""
    events = [event.type async for event in await far.sdk.messages.create(**CALL, stream=True)]
    assert (events[0], events[-2], events[-1]) == ("message_start", "message_delta", "message_stop")
    assert await far.used() == 13


async def test_the_next_call_does_not_meet_this_one(far: Far) -> None:
    """When the stream has ended for the client, nothing of it is held any more."""
    async with far.sdk.messages.stream(**CALL) as stream:
        await stream.until_done()
    assert [(one["used"], one["held"]) for one in [(await far.client.budgets())["company"]]] == [(13, 0)]


async def test_tools(far: Far) -> None:
    """A tool's use arrives with its input; the turn that brings its result is a call like any other."""
    far.end.plan = Plan(blocks=[text_block(2), TOOL_USE], stop_reason="tool_use")
    async with far.sdk.messages.stream(**CALL, tools=[TOOL]) as streamed:
        message = await streamed.get_final_message()
    whole = await far.sdk.messages.create(**CALL, tools=[TOOL])
    assert [block.to_dict() for block in whole.content] == [text_block(2), TOOL_USE]
    assert message.stop_reason == "tool_use"
    assert message.content[1].to_dict() == TOOL_USE
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "21 C"}]}
    turns = [*HELLO, {"role": "assistant", "content": message.content}, result]
    await far.sdk.messages.create(**CALL | {"messages": turns}, tools=[TOOL])
    assert far.end.asked[-1].body["messages"][-1] == result


async def test_counting_is_free(far: Far) -> None:
    """The provider's number arrives, and no token is charged."""
    count = await far.sdk.messages.count_tokens(model=MODEL, messages=HELLO)
    assert count.input_tokens == 2095
    assert far.end.asked[0].target == "/v1/messages/count_tokens"
    assert await far.used() == 0


async def test_betas(far: Far) -> None:
    """Beta headers, their fields and `?beta=true` reach the provider; a compaction's iteration is charged too."""
    usage = {
        "input_tokens": 10,
        "output_tokens": 3,
        "iterations": [{"type": "compaction", "input_tokens": 500, "output_tokens": 20}],
    }
    far.end.plan = Plan(usage=usage)
    edits: Any = {"edits": [{"type": "compact_20260112"}]}
    await far.sdk.beta.messages.create(**CALL, betas=["compact-2026-01-12"], context_management=edits, extra_query=BETA)
    (asked,) = far.end.asked
    assert (asked.target, asked.headers["anthropic-beta"]) == ("/v1/messages?beta=true", "compact-2026-01-12")
    assert asked.body["context_management"] == edits
    assert await far.used() == 10 + 3 + 500 + 20


async def test_a_search_raises_the_input(far: Far) -> None:
    """What a tool of the provider found is charged as it was reported at the end."""
    far.end.plan = Plan(usage={"input_tokens": 10_682, "output_tokens": 51})
    async with far.sdk.messages.stream(**CALL, tools=[{"type": "web_search_20250305", "name": "web_search"}]) as stream:
        await stream.until_done()
    assert await far.used() == 10_733


async def test_models(far: Far) -> None:
    """The SDK lists what it can call, and finds one by its name."""
    listed = [model async for model in far.sdk.models.list()]
    assert [model.id for model in listed] == [MODEL]
    assert (await far.sdk.models.retrieve("claude-opus-5")).display_name == "claude-opus-5"
    with pytest.raises(anthropic.NotFoundError) as caught:
        await far.sdk.models.retrieve("listed")
    assert caught.value.type == "not_found_error"


async def test_wrong_keys_models_and_fields(far: Far) -> None:
    """Each raises the SDK's own class, with the gateway's code in its details."""
    with pytest.raises(anthropic.AuthenticationError):
        await far.sdk.with_options(api_key="nobody-key-0123456789").messages.create(**CALL)
    with pytest.raises(anthropic.NotFoundError) as unknown:
        await far.sdk.messages.create(**CALL | {"model": "nobody"})
    with pytest.raises(anthropic.BadRequestError) as wrong:
        await far.sdk.messages.create(**CALL | {"max_tokens": None}, timeout=10)
    assert (unknown.value.error_code, wrong.value.error_code) == ("model_not_found", "missing_required_parameter")
    assert "max_tokens" in str(wrong.value.api_message)
    assert wrong.value.request_id == far.requests[-1].headers["x-request-id"]
    assert (far.end.asked, await far.used()) == ([], 0)


async def test_an_advisor_is_a_model_too(opened: Opened) -> None:
    """A key that may use one model does not reach another through a tool."""
    far = await opened("few-key-0123456789")
    tools: Any = [{"type": "advisor_20260301", "name": "advisor", "model": "claude-opus-5"}]
    with pytest.raises(anthropic.NotFoundError):
        await far.sdk.messages.create(**CALL, tools=tools)
    tools[0]["model"] = MODEL
    await far.sdk.messages.create(**CALL, tools=tools)
    assert len(far.end.asked) == 1


async def test_what_the_provider_refuses_is_free(far: Far) -> None:
    """Its error arrives as it is, and nothing is charged."""
    far.end.plan = Plan(status=529)
    with pytest.raises(anthropic.InternalServerError) as caught:
        await far.sdk.messages.create(**CALL)
    assert (caught.value.status_code, caught.value.type) == (529, "overloaded_error")
    assert await far.used() == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_a_spent_budget_costs_one_request(opened: Opened, stream: bool) -> None:
    """The SDK raises RateLimitError at once: one request at the gateway, none at the provider."""
    far = await opened(company_tokens=20)
    with pytest.raises(anthropic.RateLimitError) as caught:
        await far.sdk.messages.create(**CALL, stream=stream)
    assert (caught.value.type, caught.value.error_code) == ("billing_error", "request_exceeds_budget")
    assert isinstance(caught.value.body, dict)
    assert caught.value.body["error"]["budget"]["name"] == "company"
    assert (len(far.requests), far.end.asked) == (1, [])
    assert caught.value.response.headers["x-should-retry"] == "false"


async def test_what_is_left_bounds_the_answer(opened: Opened) -> None:
    """Near the end of a budget an answer is capped, and never below what thinking needs."""
    far = await opened(company_tokens=4_000)
    thinking: Any = {"type": "enabled", "budget_tokens": 1_024}
    await far.sdk.messages.create(**CALL | {"max_tokens": 20_000}, thinking=thinking)
    assert 1_024 < far.end.asked[0].body["max_tokens"] < 4_000
    with pytest.raises(anthropic.RateLimitError):
        await far.sdk.messages.create(**CALL | {"max_tokens": 20_000}, thinking={**thinking, "budget_tokens": 5_000})


async def test_a_budget_that_ends_in_a_stream(opened: Opened) -> None:
    """What was granted is delivered, then the SDK raises; the charge is what came, and the provider is left."""
    far = await opened(company_tokens=1_300, tranche_tokens=64)
    far.end.plan = Plan(
        blocks=[text_block(8_000)], usage={"input_tokens": 10, "output_tokens": 8_000}, delay_seconds=0.001
    )
    events: list[Any] = []
    stream = await far.sdk.messages.create(**CALL | {"max_tokens": 20_000}, stream=True)
    with pytest.raises(anthropic.APIStatusError) as caught:
        await _collect(stream, events)
    said = "".join(event.delta.text for event in events if event.type == "content_block_delta")
    assert caught.value.error_code == "budget_exceeded"
    assert [event.type for event in events[-2:]] == ["content_block_stop", "message_delta"]
    assert events[-1].delta.stop_reason == "max_tokens"
    assert text_block(8_000)["text"].startswith(said)
    assert 100 < len(said) < 8_000
    assert len(said.split()) < await far.used()
    assert far.end.sent_events < 2_000


async def _collect(stream: Any, events: list[Any]) -> None:
    async for event in stream:
        events.append(event)  # noqa: PERF401 - those before the error are wanted


async def test_the_stream_helper_raises_on_a_cut(opened: Opened) -> None:
    """The helper's snapshot takes the cut without breaking: the error is the gateway's."""
    far = await opened(company_tokens=2_500, tranche_tokens=64)
    far.end.plan = Plan(
        blocks=[TOOL_USE | {"input": {"x": "y" * 9_000}}], usage={"input_tokens": 10, "output_tokens": 8_000}
    )
    with pytest.raises(anthropic.APIStatusError) as caught:
        async with far.sdk.messages.stream(**CALL | {"max_tokens": 20_000}, tools=[TOOL]) as stream:
            await stream.until_done()
    assert caught.value.error_code == "budget_exceeded"


async def test_a_client_that_leaves_pays_for_what_came(far: Far) -> None:
    """The prompt as the provider counted it, and at least what had arrived."""
    far.end.plan = Plan(blocks=[text_block(60)], wait_at=40, start_usage=CACHED | {"output_tokens": 1})
    async with far.sdk.messages.stream(**CALL) as stream:
        count = 0
        async for event in stream:
            count += event.type == "content_block_delta"
            if count == 30:
                break
    await asyncio.wait_for(_settled(far), 10)
    assert 57 + 30 <= await far.used() <= 57 + 200


async def _settled(far: Far) -> None:
    while (await far.client.company())[1]:  # noqa: ASYNC110 - the ledger has no event to wait for
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(("ending", "word"), [("break_at", "api_error"), ("error_at", "overloaded_error")])
async def test_a_stream_that_breaks_is_charged_for_what_came(far: Far, ending: str, word: str) -> None:
    """The SDK raises, on our error or on the provider's; the prompt and the received are charged."""
    far.end.plan = Plan(blocks=[text_block(60)], **{ending: 30})
    with pytest.raises(anthropic.APIStatusError) as caught:
        async with far.sdk.messages.stream(**CALL) as stream:
            await stream.until_done()
    assert caught.value.type == word
    assert 10 + 25 <= await far.used() <= 10 + 200


async def test_a_thought_that_nobody_saw_is_charged(far: Far) -> None:
    """Of a thinking stream that breaks, all that it was allowed is charged: a summary is not the thought."""
    thought = {"type": "thinking", "thinking": "I see.", "signature": "EsEC"}
    far.end.plan = Plan(blocks=[thought, text_block(60)], break_at=12)
    stream = await far.sdk.messages.create(**CALL, stream=True, thinking={"type": "adaptive"})
    with pytest.raises(anthropic.APIStatusError):
        await _collect(stream, [])
    assert await far.used() == 10 + CALL["max_tokens"]


async def test_a_large_result_is_no_output(far: Far) -> None:
    """A document that a tool of the provider fetched passes whole, and the hold is not taken for it."""
    source = {"type": "base64", "media_type": "application/pdf", "data": "A" * (2 << 20)}
    fetched = {
        "type": "web_fetch_result",
        "url": "https://example.com",
        "content": {"type": "document", "source": source},
    }
    result = {"type": "web_fetch_tool_result", "tool_use_id": "srvtoolu_1", "content": fetched}
    far.end.plan = Plan(blocks=[result, text_block(3)], usage={"input_tokens": 9_000, "output_tokens": 3})
    tools: Any = [{"type": "web_fetch_20250910", "name": "web_fetch", "max_uses": 1}]
    async with far.sdk.messages.stream(**CALL, tools=tools) as stream:
        message = await stream.get_final_message()
    assert message.content[0].to_dict() == result
    assert await far.used() == 9_003


async def test_a_stream_that_stops_early_is_charged_for_what_came(far: Far) -> None:
    """An orderly end without the last events is no reason to charge the placeholder of the first."""
    far.end.plan = Plan(blocks=[text_block(60)], stop_at=30)
    async with far.sdk.messages.stream(**CALL) as stream:
        await stream.until_done()
    assert await far.used() >= 25


async def test_an_answer_without_usage_is_counted(far: Far) -> None:
    """A server that says nothing of its usage is counted, never free."""
    far.end.plan = Plan(blocks=[text_block(60)], usage={})
    await far.sdk.messages.create(**CALL)
    assert await far.used() >= 60


async def test_a_bearer_token_is_a_key_too(far: Far) -> None:
    """`auth_token`, as Claude Code sends it; with `?beta=true` and fields that nobody here knows."""
    headers = {"X-Claude-Code-Session-Id": "s1", "anthropic-version": "2023-06-01", "anthropic-beta": "a,b"}
    body = CALL | {
        "system": [{"type": "text", "text": "Be", "cache_control": {"type": "ephemeral"}}],
        "diagnostics": {},
    }
    async with far.client.post("/v1/messages?beta=true", body, **headers) as answer:
        assert answer.status == 200, await answer.text()
    assert (far.end.asked[0].target, far.end.asked[0].body) == ("/v1/messages?beta=true", body)
