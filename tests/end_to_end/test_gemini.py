"""Google's official SDK with only its base URL and key changed, through the gateway to a far end of its language."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from google import genai
from google.genai import errors, types

from gateway.store.connection import Store
from tests.gateways import ADA_KEY, PROVIDER_SECRET, Client, Limits, gateway_running
from tests.provider.gemini import FarEnd, Plan, counts, far_end_serving, said

MODEL = "gemini-2.5-flash"
LOUD = "gemini-2.0-flash"
"""A model that does not think."""

BODY: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "Hello there"}]}]}
CALL: Any = {"model": MODEL, "contents": "Hello there"}
FUNCTION = {"functionCall": {"name": "get_weather", "args": {"city": "Rome"}}}


def words(count: int) -> str:
    """Give what the far end says in so many parts."""
    return "".join(str(part["text"]) for part in said(count))


@dataclass(frozen=True)
class Far:
    """A gateway before a far end, and the official client; `requests` is how often the client asked the gateway."""

    end: FarEnd
    client: Client
    sdk: Any
    requests: list[Any]

    async def used(self) -> int:
        """Give what the company was charged, once nothing is held any more."""
        used, held = await self.client.company()
        assert held == 0
        return used

    def post(self, method: str, body: Any = BODY, model: str = MODEL, version: str = "v1beta", **headers: str) -> Any:
        """Post as a client without an SDK would."""
        return self.client.post(f"/{version}/models/{model}:{method}", body, **headers)


Opened = Callable[..., Awaitable[Far]]


@pytest.fixture
async def opened(valkey_store: Store, tmp_path: Path) -> AsyncIterator[Opened]:
    """Give what opens a gateway in front of a far end."""
    async with AsyncExitStack() as stack:

        async def enter(key: str = ADA_KEY, **limits: Any) -> Far:
            end, origin = await stack.enter_async_context(far_end_serving())
            google = (
                f"  google: {{dialect: gemini, base_url: {origin}, api_key: {PROVIDER_SECRET}, timeouts: "
                f'{{connect: 2, first_byte: 5, between_bytes: 5}}, models: {{"{MODEL}": {{max_output_tokens: 65536}}, '
                f'"gemini-*": {{}}}}}}'
            )
            settings = Limits(providers=google, **limits)
            client = await stack.enter_async_context(gateway_running(valkey_store, tmp_path, f"{origin}/v1", settings))
            requests: list[Any] = []

            async def see(answer: Any) -> None:
                requests.append(answer)

            transport = await stack.enter_async_context(httpx.AsyncClient(event_hooks={"response": [see]}, timeout=20))
            options = types.HttpOptions(base_url=client.url, httpx_async_client=transport)
            return Far(end, client, genai.Client(api_key=key, http_options=options).aio, requests)

        yield enter


@pytest.fixture
async def far(opened: Opened) -> Far:
    """Give a gateway with wide budgets."""
    return await opened()


async def streamed(far: Far, **call: Any) -> list[Any]:
    """Give the chunks of a stream."""
    return [chunk async for chunk in await far.sdk.models.generate_content_stream(**CALL | call)]


async def test_an_answer_is_the_providers(far: Far) -> None:
    """Text, reason and usage arrive as they were sent; thoughts, tools and the cache are in what is charged."""
    usage = counts(50, 3, thoughtsTokenCount=7, toolUsePromptTokenCount=20, cachedContentTokenCount=40)
    far.end.plan = Plan(usages=[usage])
    answer = await far.sdk.models.generate_content(**CALL)
    assert (answer.text, answer.candidates[0].finish_reason) == (words(3), types.FinishReason.STOP)
    assert answer.usage_metadata.thoughts_token_count == 7
    assert await far.used() == 50 + 20 + 3 + 7


async def test_what_the_provider_gets(far: Far) -> None:
    """Its own credential in Google's header, its path, and the body as it was but for the purpose."""
    body = BODY | {"labels": {"purpose": "QA"}, "safety_settings": [{"a": 1}]}
    async with far.post("generateContent", body, model="google%2Fgemini-2.5-flash") as answer:
        assert answer.status == 200, await answer.text()
    (asked,) = far.end.asked
    assert asked.body == BODY | {"safety_settings": [{"a": 1}]}
    assert (asked.target, asked.headers["x-goog-api-key"]) == (
        f"/v1beta/models/{MODEL}:generateContent",
        PROVIDER_SECRET,
    )
    assert ADA_KEY not in str(asked)


async def test_a_stream(far: Far) -> None:
    """Each chunk arrives; the last counts are charged, once; the path asks for events."""
    far.end.plan = Plan(parts=said(50), usages=[counts(12, at + 1, thoughtsTokenCount=9) for at in range(50)])
    chunks = await streamed(far)
    assert "".join(chunk.text for chunk in chunks) == words(50)
    assert (len(chunks), chunks[-1].usage_metadata.candidates_token_count) == (50, 50)
    assert far.end.asked[0].target == f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse"
    assert await far.used() == 12 + 50 + 9


async def test_a_stream_as_an_array(far: Far) -> None:
    """Without `alt=sse` the provider streams one JSON array, and so does the gateway; it is charged the same."""
    async with far.post("streamGenerateContent") as answer:
        assert answer.content_type == "application/json"
        chunks = json.loads(await answer.read())
    assert [chunk["candidates"][0]["content"]["parts"][0] for chunk in chunks] == said(3)
    assert far.end.asked[0].target == f"/v1beta/models/{MODEL}:streamGenerateContent"
    assert await far.used() == 13


@pytest.mark.parametrize("query", ["?alt=sse", ""])
async def test_the_next_call_does_not_meet_this_one(far: Far, query: str) -> None:
    """When the stream has ended for the client, nothing of it is held any more."""
    async with far.post(f"streamGenerateContent{query}") as answer:
        async for data, _ in answer.content.iter_chunks():
            if b"STOP" in data:
                company = (await far.client.budgets())["company"]
                assert (company["used"], company["held"]) == (13, 0)


@pytest.mark.parametrize("version", ["v1", "v1beta"])
async def test_the_plain_client(far: Far, version: str) -> None:
    """The client that waits is served as the one that does not, on both versions' paths."""
    options = types.HttpOptions(base_url=far.client.url, api_version=version)

    def ask() -> tuple[str, str]:
        with genai.Client(api_key=ADA_KEY, http_options=options) as sdk:
            parts = [chunk.text or "" for chunk in sdk.models.generate_content_stream(**CALL)]
            return "".join(parts), str(sdk.models.generate_content(**CALL).text)

    assert await asyncio.to_thread(ask) == (words(3), words(3))
    assert await far.used() == 2 * 13


async def test_a_chat(far: Far) -> None:
    """Its second turn carries the first; each is charged."""
    chat = far.sdk.chats.create(model=MODEL)
    await chat.send_message("Hello")
    async for _ in await chat.send_message_stream("And again"):
        pass
    assert [content["role"] for content in far.end.asked[1].body["contents"]] == ["user", "model", "user"]
    assert await far.used() == 2 * 13


async def test_function_calling(far: Far) -> None:
    """The SDK calls the function and asks again with its result: two calls, each charged."""
    asked: list[str] = []

    async def get_weather(city: str) -> str:
        """Tell the weather."""
        asked.append(city)
        far.end.plan = Plan()
        return "21 C"

    far.end.plan = Plan(parts=[FUNCTION], usages=[counts(20, 9)])
    config = types.GenerateContentConfig(tools=[get_weather])
    chunks = await streamed(far, config=config)
    assert (asked, chunks[-1].text) == (["Rome"], said(3)[-1]["text"])
    assert "functionResponse" in far.end.asked[1].body["contents"][-1]["parts"][0]
    assert await far.used() == 29 + 13


async def test_counting_is_free(far: Far) -> None:
    """The provider's number arrives, and no token is charged."""
    count = await far.sdk.models.count_tokens(**CALL)
    assert count.total_tokens == 31
    assert far.end.asked[0].target.endswith(":countTokens")
    assert await far.used() == 0


async def test_embeddings(far: Far) -> None:
    """The SDK asks in batches, others one by one; the prompts are charged."""
    answer = await far.sdk.models.embed_content(model="gemini-embedding-001", contents=["a", "b"])
    assert [one.values for one in answer.embeddings] == [[0.5, 0.25]] * 2
    assert await far.used() == 8
    async with far.post("embedContent", {"content": BODY["contents"][0]}, model="gemini-embedding-001") as one:
        assert (await one.json())["embedding"] == {"values": [0.5, 0.25]}
    assert await far.used() == 12


async def test_models(far: Far) -> None:
    """The SDK lists what it can call, and finds one by its name."""
    listed = [model.name async for model in await far.sdk.models.list()]
    assert listed == [f"models/{MODEL}"]
    found = await far.sdk.models.get(model="gemini-3-pro")
    assert (found.name, "generateContent" in found.supported_actions) == ("models/gemini-3-pro", True)
    async with far.client.get(f"/v1beta/models/{MODEL}") as answer:
        assert (await answer.json())["outputTokenLimit"] == 65_536
    with pytest.raises(errors.ClientError) as caught:
        await far.sdk.models.get(model="listed")
    assert (caught.value.code, caught.value.status) == (404, "NOT_FOUND")


async def test_wrong_keys_models_and_fields(far: Far) -> None:
    """Each raises the SDK's class with Google's status and the gateway's message."""
    with pytest.raises(errors.ClientError) as wrong:
        await far.sdk.models.generate_content(**CALL, config={"http_options": {"headers": {"x-goog-api-key": "no"}}})
    with pytest.raises(errors.ClientError) as unknown:
        await far.sdk.models.generate_content(model="nobody", contents="Hi")
    with pytest.raises(errors.ClientError) as zero:
        await far.sdk.models.generate_content(**CALL, config={"max_output_tokens": 0})
    told = [(one.value.code, one.value.status) for one in (wrong, unknown, zero)]
    assert told == [(401, "UNAUTHENTICATED"), (404, "NOT_FOUND"), (400, "INVALID_ARGUMENT")]
    assert "generationConfig.maxOutputTokens" in str(zero.value.message)
    assert (far.end.asked, await far.used()) == ([], 0)


@pytest.mark.parametrize("query", [f"?key={ADA_KEY}", "?alt=sse&key=x", f"?access_token={ADA_KEY}"])
async def test_a_key_in_the_url_is_refused(far: Far, query: str) -> None:
    """401 that says where to put it, whether or not the headers have one too."""
    for target in (f"/v1beta/models/{MODEL}:streamGenerateContent", f"/v1/models/{MODEL}:countTokens"):
        async with far.client.post(f"{target}{query}", BODY) as answer:
            told = (await answer.json())["error"]
        assert (answer.status, told["status"]) == (401, "UNAUTHENTICATED")
        assert "x-goog-api-key" in told["message"]
        assert ADA_KEY not in told["message"]
    assert far.end.asked == []


@pytest.mark.parametrize("method", ["batchGenerateContent", "predict", "predictLongRunning"])
async def test_methods_that_cannot_be_metered(far: Far, method: str) -> None:
    """404, with the reason."""
    async with far.post(method) as answer:
        error = (await answer.json())["error"]
        assert (answer.status, error["code"], error["status"]) == (404, 404, "NOT_FOUND")
        assert "not metered" in error["message"]


async def test_what_the_provider_refuses_is_free(far: Far) -> None:
    """Its error arrives as it is, and nothing is charged."""
    far.end.plan = Plan(status=503)
    with pytest.raises(errors.ServerError) as caught:
        await far.sdk.models.generate_content(**CALL)
    assert (caught.value.code, caught.value.status) == (503, "UNAVAILABLE")
    assert await far.used() == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_a_spent_budget_costs_one_request(opened: Opened, stream: bool) -> None:
    """The SDK raises ClientError 429 at once: one request at the gateway, none at the provider."""
    far = await opened(company_tokens=20)
    with pytest.raises(errors.ClientError) as caught:
        await (streamed(far) if stream else far.sdk.models.generate_content(**CALL))
    assert (caught.value.code, caught.value.status) == (429, "RESOURCE_EXHAUSTED")
    told = caught.value.details["error"]
    assert (told["budget"]["name"], told["details"][0]["reason"]) == ("company", "REQUEST_EXCEEDS_BUDGET")
    assert len(told["details"]) == 1
    assert (len(far.requests), far.end.asked) == (1, [])


async def test_what_is_left_bounds_the_answer(opened: Opened) -> None:
    """Near the end of a budget an answer is capped: thoughts and answer together."""
    far = await opened(company_tokens=4_000)
    await far.sdk.models.generate_content(**CALL, config={"temperature": 0.5})
    config = far.end.asked[0].body["generationConfig"]
    assert config["temperature"] == 0.5
    assert 100 < config["maxOutputTokens"] < 4_000


@pytest.mark.parametrize("alt", ["sse", ""])
async def test_a_budget_that_ends_in_a_stream(opened: Opened, alt: str) -> None:
    """What was granted is delivered, then the error; the array stays one, and the provider is left."""
    far = await opened(company_tokens=1_300, tranche_tokens=64)
    far.end.plan = Plan(parts=said(8_000), usages=[], delay_seconds=0.001)
    body = BODY | {"generationConfig": {"maxOutputTokens": 20_000}}
    async with far.post(f"streamGenerateContent?alt={alt or 'json'}", body, model=LOUD) as answer:
        text = await answer.text()
    frames = text.replace("\r\n\r\n", "\n\n").strip().split("\n\n")
    chunks = [json.loads(one.removeprefix("data: ")) for one in frames] if alt else json.loads(text)
    *some, cut, error = chunks
    heard = "".join(chunk["candidates"][0]["content"]["parts"][0]["text"] for chunk in some)
    assert cut["candidates"][0]["finishReason"] == "MAX_TOKENS"
    assert (cut["modelVersion"], cut["responseId"]) == (LOUD, "ru1")
    assert error["error"]["code"] == 429
    assert words(8_000).startswith(heard)
    assert 100 < len(heard) < 8_000
    assert len(heard.split()) < await far.used()
    assert far.end.sent_chunks < 3_000


async def test_the_sdk_raises_on_a_cut(opened: Opened) -> None:
    """ClientError 429 after the chunks that were granted; it is not asked again."""
    far = await opened(company_tokens=1_300, tranche_tokens=64)
    far.end.plan = Plan(parts=said(8_000), usages=[])
    chunks: list[Any] = []
    stream = await far.sdk.models.generate_content_stream(
        model=LOUD, contents="Hi", config={"max_output_tokens": 9_000}
    )
    with pytest.raises(errors.ClientError) as caught:
        await _collect(stream, chunks)
    assert (caught.value.code, caught.value.status) == (429, "RESOURCE_EXHAUSTED")
    assert chunks[-1].candidates[0].finish_reason is types.FinishReason.MAX_TOKENS
    assert len(far.requests) == 1


async def _collect(stream: Any, chunks: list[Any]) -> None:
    async for chunk in stream:
        chunks.append(chunk)  # noqa: PERF401 - those before the error are wanted


async def _settled(far: Far) -> None:
    while (await far.client.company())[1]:  # noqa: ASYNC110 - the ledger has no event to wait for
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("query", ["?alt=sse", ""])
async def test_a_client_that_leaves_pays_for_what_came(far: Far, query: str) -> None:
    """The prompt and the thoughts as the provider counted them, and what had arrived."""
    usages: list[Any] = [counts(57, at + 1, thoughtsTokenCount=30) for at in range(60)]
    far.end.plan = Plan(parts=said(60), usages=usages, wait_at=40)
    async with far.post(f"streamGenerateContent{query}") as answer:
        heard = b""
        while heard.count(b"responseId") < 30:
            heard += await answer.content.readany()
        answer.close()
    await asyncio.wait_for(_settled(far), 10)
    assert 57 + 30 + 30 <= await far.used() <= 57 + 30 + 60


@pytest.mark.parametrize("ending", ["break_at", "error_at"])
async def test_a_stream_that_breaks_is_charged_for_what_came(far: Far, ending: str) -> None:
    """The SDK raises, on our error or on the provider's; the prompt and the received are charged."""
    at: dict[str, Any] = {ending: 30}
    far.end.plan = Plan(parts=said(60), usages=[counts(10, place + 1) for place in range(60)], **at)
    with pytest.raises(errors.ServerError) as caught:
        await streamed(far)
    assert caught.value.status == "UNAVAILABLE"
    assert 10 + 30 <= await far.used() <= 10 + 60


@pytest.mark.parametrize("at", [0, 5])
async def test_an_array_that_breaks_stays_an_array(far: Far, at: int) -> None:
    """The chunks that came, and the error, whether or not there were any."""
    far.end.plan = Plan(parts=said(60), break_at=at)
    async with far.post("streamGenerateContent") as answer:
        *chunks, error = json.loads(await answer.read())
    assert (len(chunks), error["error"]["code"]) == (at, 502)


async def test_a_thought_that_nobody_told_is_charged(far: Far) -> None:
    """Of a model that thinks and breaks off before its first count, all that it was allowed is charged."""
    far.end.plan = Plan(break_at=0)
    with pytest.raises(errors.ServerError):
        await streamed(far, config={"max_output_tokens": 300})
    assert await far.used() >= 300


async def test_an_answer_without_usage_is_counted(far: Far) -> None:
    """A server that says nothing of its usage is counted, never free."""
    far.end.plan = Plan(parts=said(60), usages=[None])
    await far.sdk.models.generate_content(model=LOUD, contents="Hi")
    assert await far.used() >= 60


async def test_an_image_that_streams_is_no_text(opened: Opened) -> None:
    """Two megabytes of base64 pass whole through a small budget: the provider's count is charged."""
    far = await opened(company_tokens=60_000)
    image = {"inlineData": {"mimeType": "image/png", "data": "A" * (2 << 20)}}
    far.end.plan = Plan(parts=[image, *said(1)], usages=[None, counts(10, 1_290)])
    config = {"response_modalities": ["IMAGE"], "max_output_tokens": 20_000}
    chunks = await streamed(far, model="gemini-2.5-flash-image", config=config)
    assert len(chunks[0].candidates[0].content.parts[0].inline_data.data) == (2 << 20) * 3 // 4
    assert await far.used() == 1_300
