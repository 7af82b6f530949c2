"""Ollama's official client, unchanged, against the gateway: what an app sees, and what is charged for it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import ollama
import pytest

from gateway.store.connection import Store
from tests.gateways import ADA_KEY, PROVIDER_SECRET, Client, Limits, gateway_running
from tests.provider.ollama import ollama_far_end
from tests.provider.scenes import PROMPT_TOKENS, WORD, Stage

HELLO = [{"role": "user", "content": "Hello there"}]
NOWHERE = "http://127.0.0.1:1/v1"
TIGHT = 2000


@pytest.fixture
async def far() -> AsyncIterator[Stage]:
    """Give a far end that speaks Ollama's language."""
    async with ollama_far_end() as stage:
        yield stage


@asynccontextmanager
async def opened(store: Store, directory: Path, far: Stage, **limits: Any) -> AsyncIterator[Client]:
    """Give a gateway before the far end."""
    provider = (
        f"  local: {{dialect: ollama, base_url: {far.url}, api_key: {PROVIDER_SECRET}, "
        'template_tokens: {plain: 70, tools: 230}, models: {llama: {max_output_tokens: 99}, "o:*": {}}}'
    )
    async with gateway_running(store, directory, NOWHERE, Limits(providers=provider, **limits)) as client:
        yield client


@pytest.fixture
async def gateway(valkey_store: Store, tmp_path: Path, far: Stage) -> AsyncIterator[Client]:
    """Give a gateway with room for everything."""
    async with opened(valkey_store, tmp_path, far) as client:
        yield client


def sdk_of(gateway: Client, key: str = ADA_KEY, **options: Any) -> ollama.AsyncClient:
    """Give the official client with a key."""
    return ollama.AsyncClient(host=gateway.url, headers={"Authorization": f"Bearer {key}"}, **options)


@pytest.fixture
async def sdk(gateway: Client) -> AsyncIterator[ollama.AsyncClient]:
    """Give the official client of ada."""
    async with sdk_of(gateway) as client:
        yield client


async def charged(gateway: Client) -> int:
    """Give what was charged, once it was and nothing is held any more: who leaves a stream does not wait for that."""
    while True:
        used, held = await gateway.company()
        if used and not held:
            return used
        await asyncio.sleep(0.01)


async def test_a_chat(sdk: ollama.AsyncClient, gateway: Client, far: Stage) -> None:
    """An answer in one piece is the far end's, and so is the charge; the app's key stays here."""
    answer = await sdk.chat("o:say-5", HELLO, options={"num_predict": 50, "temperature": 0})
    assert (answer.message.content, answer.prompt_eval_count, answer.eval_count) == (WORD * 5, PROMPT_TOKENS, 5)
    assert await gateway.company() == (PROMPT_TOKENS + 5, 0)
    assert far.asked[0].headers["authorization"] == f"Bearer {PROVIDER_SECRET}"
    assert ADA_KEY not in str(far.asked)
    assert far.body["options"] == {"num_predict": 50, "temperature": 0}


async def test_a_streamed_chat(sdk: ollama.AsyncClient, gateway: Client) -> None:
    """A stream arrives line by line, its last line says what it took, and that is charged."""
    parts = [part async for part in await sdk.chat("o:say-5.think", HELLO, stream=True)]
    assert "".join(part.message.content or "" for part in parts) == WORD * 5
    assert parts[0].message.thinking == "Hm"
    assert (parts[-1].done, parts[-1].eval_count) == (True, 5)
    assert await gateway.company() == (PROMPT_TOKENS + 5, 0)


async def test_it_is_charged_before_its_last_line(sdk: ollama.AsyncClient, gateway: Client) -> None:
    """Who has read the last line finds the charge, and nothing held."""
    async for part in await sdk.chat("o:say-2", HELLO, stream=True):
        if part.done:
            company = (await gateway.budgets())["company"]
            assert (company["used"], company["held"]) == (PROMPT_TOKENS + 2, 0)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_completion(sdk: ollama.AsyncClient, gateway: Client, stream: bool) -> None:
    """`generate` answers in `response`."""
    if stream:
        said = "".join([part.response async for part in await sdk.generate("o:say-4", "Hello", stream=True)])
    else:
        said = (await sdk.generate("o:say-4", "Hello")).response
    assert said == WORD * 4
    assert await gateway.company() == (PROMPT_TOKENS + 4, 0)


async def test_embeddings(sdk: ollama.AsyncClient, gateway: Client) -> None:
    """Vectors come, and the prompt is charged."""
    assert (await sdk.embed("o:", ["Hello", "there"])).embeddings == [[0.5, 0.5]]
    assert await gateway.company() == (PROMPT_TOKENS, 0)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_tool_call(sdk: ollama.AsyncClient, far: Stage, stream: bool) -> None:
    """A tool of the app's own is offered to the model, and called."""

    def weather(city: str) -> str:
        """Tell the weather.

        Args:
          city: Where.

        """
        return city

    answer: Any = await sdk.chat("o:tools", HELLO, tools=[weather], stream=stream)
    called = [part async for part in answer][0] if stream else answer  # noqa: RUF015 - there is no async next here
    assert called.message.tool_calls[0].function.arguments == {"city": "Rome"}
    assert far.body["tools"][0]["function"]["name"] == "weather"


@pytest.mark.parametrize("stream", [False, True])
async def test_a_prompt_that_was_not_counted(sdk: ollama.AsyncClient, gateway: Client, stream: bool) -> None:
    """Where the far end tells only its output, that is charged as told, and the prompt as we count it."""
    answer: Any = await sdk.chat("o:say-5.uncounted", HELLO, stream=stream)
    if stream:
        assert [part async for part in answer]
    used, held = await gateway.company()
    assert held == 0
    # The template's 70 tokens and the message, which is no longer than its JSON.
    assert 5 + 70 < used < 5 + 70 + 150


@pytest.mark.parametrize("stream", [False, True])
async def test_loading_a_model_is_free(sdk: ollama.AsyncClient, gateway: Client, stream: bool) -> None:
    """No prompt, no tokens."""
    answer: Any = await sdk.chat("o:", [], keep_alive="5m", stream=stream)
    if stream:
        assert [part async for part in answer][-1].done
    assert await gateway.company() == (0, 0)


async def test_a_bound_is_given_to_a_model_that_has_none(valkey_store: Store, tmp_path: Path, far: Stage) -> None:
    """Under a hard budget an answer that is not watched cannot be longer than what is held for it."""
    async with opened(valkey_store, tmp_path, far, default_output_tokens=77) as gateway, sdk_of(gateway) as sdk:
        await sdk.chat("o:say-2", HELLO, options={"num_predict": -1})
    assert far.body["options"] == {"num_predict": 77}


# ---------------------------------------------------------------- what goes wrong


async def test_a_far_ends_refusal_is_its_own(sdk: ollama.AsyncClient, gateway: Client) -> None:
    """Status and words are the far end's, and nothing is charged."""
    with pytest.raises(ollama.ResponseError, match="The far end was told to fail") as caught:
        await sdk.chat("o:status-404", HELLO)
    assert caught.value.status_code == 404
    assert await gateway.company() == (0, 0)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "options", "status", "words"),
    [
        ("o:", {"num_predict": "many"}, 400, "options.num_predict"),
        ("o:", {"n_predict": 5}, 400, "options.n_predict"),
        ("unknown", {}, 404, "The model `unknown`"),
    ],
)
async def test_a_refused_call_never_leaves(
    gateway: Client, far: Stage, model: str, options: dict[str, Any], status: int, words: str, stream: bool
) -> None:
    """What is wrong is told in Ollama's words, which the client raises."""
    body = {"model": model, "messages": HELLO, "options": options, "stream": stream}
    async with gateway.post("/api/chat", body) as answer:
        told = await answer.json()
    assert answer.status == status
    assert words in told["error"]
    assert far.asked == []


async def test_an_unknown_key_is_raised(gateway: Client) -> None:
    """A key that is not known is 401, as the client's own exception."""
    async with sdk_of(gateway, "no-such-key-0123456789") as sdk:
        with pytest.raises(ollama.ResponseError, match="Incorrect API key") as caught:
            await sdk.chat("o:", HELLO)
    assert caught.value.status_code == 401


async def asked(sdk: ollama.AsyncClient, *, stream: bool) -> None:
    """Ask, and read the answer to its end."""
    answer: Any = await sdk.chat("o:", HELLO, stream=stream)
    if stream:
        assert [part async for part in answer]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_spent_budget_costs_one_request(valkey_store: Store, tmp_path: Path, far: Stage, stream: bool) -> None:
    """The client raises ResponseError with 429 at once: one request here, none at the far end."""
    seen: list[httpx.Response] = []

    async def see(answer: httpx.Response) -> None:
        seen.append(answer)

    async with (
        opened(valkey_store, tmp_path, far, company_tokens=5) as gateway,
        sdk_of(gateway, event_hooks={"response": [see]}) as sdk,
    ):
        with pytest.raises(ollama.ResponseError, match="Budget 'company'") as caught:
            await asked(sdk, stream=stream)
    assert caught.value.status_code == 429
    assert ([one.status_code for one in seen], far.asked) == ([429], [])
    assert seen[0].headers["x-should-retry"] == "false"


async def test_an_error_in_a_stream_is_raised(sdk: ollama.AsyncClient, gateway: Client) -> None:
    """What came before it is delivered and charged, and so is the prompt."""
    said = ""
    with pytest.raises(ollama.ResponseError, match=r"It broke\."):  # noqa: PT012 - it comes in the loop
        async for part in await sdk.chat("o:say-5.end-error", HELLO, stream=True):
            said += part.message.content or ""
    assert said == WORD * 5
    used = await charged(gateway)
    assert used > 70 + 5


async def test_a_connection_cut_in_a_stream_is_raised(sdk: ollama.AsyncClient, gateway: Client) -> None:
    """A far end that breaks off without a word is an error of the stream, not its quiet end."""
    with pytest.raises(ollama.ResponseError, match="local"):
        async for _ in await sdk.chat("o:say-9.cut-5", HELLO, stream=True):
            pass
    used = await charged(gateway)
    assert used > 70


async def test_a_client_that_leaves_is_charged(sdk: ollama.AsyncClient, gateway: Client, far: Stage) -> None:
    """The far end is stopped; the prompt is charged, and what came of the answer."""
    stream: Any = await sdk.chat("o:say-900.gate-5", HELLO, stream=True)
    for _ in range(5):
        await anext(stream)
    await stream.aclose()
    await asyncio.wait_for(far.left.wait(), 10)
    used = await charged(gateway)
    assert 70 + 5 < used < 70 + 200


async def test_a_stream_is_cut_where_its_budget_ends(valkey_store: Store, tmp_path: Path, far: Stage) -> None:
    """What fits is delivered, the last line says `length`, then the client raises; the far end is stopped."""
    reasons, said = [], ""
    limits = {"company_tokens": TIGHT, "tranche_tokens": 64, "default_output_tokens": 20_000}
    async with opened(valkey_store, tmp_path, far, **limits) as gateway, sdk_of(gateway) as sdk:
        with pytest.raises(ollama.ResponseError, match="Budget 'company'"):  # noqa: PT012 - it comes in the loop
            async for part in await sdk.chat("o:say-20000.gate-9000", HELLO, stream=True):
                said += part.message.content or ""
                reasons.append(part.done_reason)
                assert not part.done
        used = await charged(gateway)
    assert (reasons[-1], set(reasons[:-1])) == ("length", {None})
    # What had arrived unasked behind the cut is charged too, for the far end has produced it.
    assert 0 < len(said) // len(WORD) < min(TIGHT, used)
    await asyncio.wait_for(far.left.wait(), 10)


# ---------------------------------------------------------------- the gateway's own answers


async def test_models_and_version(sdk: ollama.AsyncClient, gateway: Client, far: Stage) -> None:
    """A client finds the models that it may call, and one of them, also behind a pattern."""
    assert [model.model for model in (await sdk.list()).models] == ["llama"]
    shown = await sdk.show("o:anything")
    assert "completion" in (shown.capabilities or [])
    with pytest.raises(ollama.ResponseError, match="The model `unknown`") as caught:
        await sdk.show("unknown")
    assert caught.value.status_code == 404
    async with gateway.get("/api/version") as answer:
        assert (await answer.json())["version"].count(".") == 2
    async with gateway.post("/api/show", {"name": "llama"}) as answer:
        assert answer.status == 200
    async with gateway.get("/api/tags", Authorization="Bearer no-such-key-0123456789") as answer:
        assert (answer.status, "error" in await answer.json()) == (401, True)
    assert far.asked == []


@pytest.fixture
def blocking(gateway: Client) -> Iterator[ollama.Client]:
    """Give the official client that blocks."""
    with ollama.Client(host=gateway.url, headers={"Authorization": f"Bearer {ADA_KEY}"}) as sdk:
        yield sdk


async def test_the_blocking_client(blocking: ollama.Client, gateway: Client) -> None:
    """It is served alike."""

    def said() -> str:
        return "".join(part.message.content or "" for part in blocking.chat("o:say-6", HELLO, stream=True))

    assert await asyncio.to_thread(said) == WORD * 6
    assert await gateway.company() == (PROMPT_TOKENS + 6, 0)
