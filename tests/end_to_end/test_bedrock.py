"""Converse over raw HTTP, as any of AWS's SDKs sends it with an API key, and its streams by a reader of their own."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import ClientResponse

from gateway.store.connection import Store
from tests.gateways import ADA_KEY, PROVIDER_SECRET, Client, Limits, gateway_running
from tests.provider.bedrock import CACHED_TOKENS, EVENT_STREAM, REQUEST_ID, bedrock_far_end
from tests.provider.eventstream import read_all
from tests.provider.scenes import PROMPT_TOKENS, WORD, Stage

MESSAGES = [{"role": "user", "content": [{"text": "Hello there"}]}]
NOWHERE = "http://127.0.0.1:1/v1"
ARN = "arn:aws:bedrock:eu-central-1:111122223333:inference-profile/eu.meta.llama3-v1:0"
TEMPLATE_TOKENS = 700
TIGHT = 3000

Event = tuple[str, dict[str, Any]]
"""What an event is, or an exception, and its payload."""


@pytest.fixture
async def far() -> AsyncIterator[Stage]:
    """Give a far end that speaks Converse."""
    async with bedrock_far_end() as stage:
        yield stage


@asynccontextmanager
async def opened(store: Store, directory: Path, far: Stage, **limits: Any) -> AsyncIterator[Client]:
    """Give a gateway before the far end."""
    provider = (
        f"  aws: {{dialect: bedrock, base_url: {far.url}, api_key: {PROVIDER_SECRET}, "
        f'models: {{"{ARN}": {{}}, "meta.*": {{}}, "amazon.nova-*": {{}}, "anthropic.*": {{}}}}}}'
    )
    async with gateway_running(store, directory, NOWHERE, Limits(providers=provider, **limits)) as client:
        yield client


@pytest.fixture
async def gateway(valkey_store: Store, tmp_path: Path, far: Stage) -> AsyncIterator[Client]:
    """Give a gateway with room for everything."""
    async with opened(valkey_store, tmp_path, far) as client:
        yield client


def converse(gateway: Client, model: str, *, stream: bool = False, **body: Any) -> Any:
    """Send a call as AWS's SDKs do, the model's id encoded into the path; use as a context."""
    path = f"/model/{quote(model, safe='')}/converse{'-stream' if stream else ''}"
    return gateway.post(path, {"messages": MESSAGES, **body})


async def events_of(answer: ClientResponse) -> list[Event]:
    """Read a whole stream."""
    assert (answer.status, answer.content_type) == (200, EVENT_STREAM), await answer.text()
    messages = read_all(await answer.read())
    return [(head.get(":event-type") or head[":exception-type"], json.loads(payload)) for head, payload in messages]


def text_of(events: list[Event]) -> str:
    """Give what the model said."""
    return "".join(value["delta"].get("text", "") for kind, value in events if kind == "contentBlockDelta")


async def charged(gateway: Client) -> int:
    """Give what was charged, once it was and nothing is held any more: who leaves a stream does not wait for that."""
    while True:
        used, held = await gateway.company()
        if used and not held:
            return used
        await asyncio.sleep(0.01)


async def test_an_answer(gateway: Client, far: Stage) -> None:
    """An answer in one piece is the far end's, and so is the charge; the app's key stays here."""
    async with converse(gateway, "meta.llama:say-5.cached", inferenceConfig={"maxTokens": 50, "topP": 1}) as answer:
        told = await answer.json()
        headers = answer.headers
    assert told["output"]["message"]["content"] == [{"text": WORD * 5}]
    assert await gateway.company() == (PROMPT_TOKENS + CACHED_TOKENS + 5, 0)
    assert headers["x-upstream-request-id"] == REQUEST_ID
    assert headers["x-amzn-requestid"] == headers["x-request-id"] != REQUEST_ID
    assert far.asked[0].headers["authorization"] == f"Bearer {PROVIDER_SECRET}"
    assert ADA_KEY not in str(far.asked)
    assert far.body["inferenceConfig"] == {"maxTokens": 50, "topP": 1}


@pytest.mark.parametrize(
    ("sent", "path"),
    [
        ("meta.llama%3Asay-5", "/model/meta.llama%3Asay-5/converse"),
        ("meta.llama:say-5", "/model/meta.llama%3Asay-5/converse"),
        ("aws%2Fmeta.llama%3Asay-5", "/model/meta.llama%3Asay-5/converse"),
        (quote(ARN, safe=""), f"/model/{quote(ARN, safe='')}/converse"),
    ],
)
async def test_the_models_id_is_encoded_once(gateway: Client, far: Stage, sent: str, path: str) -> None:
    """Colons and an ARN's slash arrive as they were meant, however a client wrote them."""
    script = ":" + ARN.rpartition(":")[2]
    assert script == ":0"
    async with gateway.session.post(
        f"{gateway.url}/model/{sent}/converse", json={"messages": MESSAGES}, headers=gateway.headers
    ) as answer:
        assert answer.status == 200
    assert [one.path for one in far.asked] == [path]


async def test_a_stream(gateway: Client) -> None:
    """Events arrive as they were sent, `metadata` last, and the usage that it tells is charged."""
    async with converse(gateway, "meta.llama:say-5.think", stream=True) as answer:
        events = await events_of(answer)
    assert text_of(events) == WORD * 5
    assert events[0][1]["delta"] == {"reasoningContent": {"text": "Hm"}}
    assert [kind for kind, _ in events[-3:]] == ["contentBlockStop", "messageStop", "metadata"]
    assert events[-1][1]["usage"]["outputTokens"] == 5
    assert await gateway.company() == (PROMPT_TOKENS + 5, 0)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_tool_call(gateway: Client, far: Stage, stream: bool) -> None:
    """A tool of the app's own is offered to the model, and called."""
    tool = {"toolSpec": {"name": "weather", "inputSchema": {"json": {"type": "object"}}}}
    async with converse(gateway, "meta.llama:tools", stream=stream, toolConfig={"tools": [tool]}) as answer:
        if stream:
            events = await events_of(answer)
            given = "".join(value["delta"]["toolUse"]["input"] for kind, value in events if kind == "contentBlockDelta")
            assert json.loads(given) == {"city": "Rome"}
        else:
            (block,) = (await answer.json())["output"]["message"]["content"]
            assert block["toolUse"]["input"] == {"city": "Rome"}
    assert far.body["toolConfig"]["tools"] == [tool]
    assert await gateway.company() == (PROMPT_TOKENS + 3, 0)


async def test_the_purpose_is_ours(gateway: Client, far: Stage) -> None:
    """`requestMetadata.purpose` chooses the purpose and goes no further."""
    async with converse(gateway, "meta.llama:", requestMetadata={"purpose": "DT", "team": "a"}) as answer:
        assert answer.status == 200
    assert far.body["requestMetadata"] == {"team": "a"}
    async with converse(gateway, "meta.llama:", requestMetadata={"purpose": "XX"}) as answer:
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "ValidationException")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_silent_far_end_is_counted(gateway: Client, stream: bool) -> None:
    """Where no usage is told, the prompt and what came are counted."""
    async with converse(gateway, "meta.llama:say-5.silent", stream=stream) as answer:
        assert answer.status == 200
        await answer.read()
    used, held = await gateway.company()
    assert TEMPLATE_TOKENS + 5 < used < TEMPLATE_TOKENS + 150
    assert held == 0


async def test_a_bound_is_given_to_a_model_that_has_none(valkey_store: Store, tmp_path: Path, far: Stage) -> None:
    """Under a hard budget an answer that is not watched cannot be longer than what is held for it."""
    async with (
        opened(valkey_store, tmp_path, far, default_output_tokens=77) as gateway,
        converse(gateway, "meta.llama:say-2", inferenceConfig={"topP": 1}) as answer,
    ):
        assert answer.headers["X-Gateway-Output-Limit"] == "77"
    assert far.body["inferenceConfig"] == {"topP": 1, "maxTokens": 77}


# ---------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize("stream", [False, True])
async def test_a_far_ends_refusal_is_its_own(gateway: Client, stream: bool) -> None:
    """Status, words and AWS's name of the error are the far end's, and nothing is charged."""
    async with converse(gateway, "meta.llama:status-429", stream=stream) as answer:
        assert (answer.status, await answer.json()) == (429, {"message": "The far end was told to fail."})
        assert answer.headers["x-amzn-errortype"].startswith("ThrottlingException")
        assert "x-should-retry" not in answer.headers
    assert await gateway.company() == (0, 0)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "body", "status", "kind", "words"),
    [
        ("meta.llama:", {"inferenceConfig": {"maxTokens": 0}}, 400, "ValidationException", "inferenceConfig.maxTokens"),
        (
            "meta.llama:",
            {"additionalModelRequestFields": {"max_gen_len": 9}},
            400,
            "ValidationException",
            "additionalModelRequestFields.max_gen_len",
        ),
        ("unknown.model", {}, 404, "ResourceNotFoundException", "unknown.model"),
    ],
)
async def test_a_refused_call_never_leaves(
    gateway: Client, far: Stage, model: str, body: dict[str, Any], status: int, kind: str, words: str, stream: bool
) -> None:
    """What is wrong is told in AWS's words."""
    async with converse(gateway, model, stream=stream, **body) as answer:
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (status, kind)
        assert words in (await answer.json())["message"]
    assert far.asked == []


async def test_an_unknown_key_is_told(gateway: Client, far: Stage) -> None:
    """A key that is not known is 401 in AWS's words."""
    path = "/model/meta.llama%3A/converse"
    async with gateway.post(path, {"messages": MESSAGES}, Authorization="Bearer no-such-key-0123456789") as answer:
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (401, "UnrecognizedClientException")
    assert far.asked == []


@pytest.mark.parametrize("stream", [False, True])
async def test_a_spent_budget_is_refused(valkey_store: Store, tmp_path: Path, far: Stage, stream: bool) -> None:
    """A budget that will not come back soon is no throttling, so that no SDK asks again; nothing leaves."""
    async with (
        opened(valkey_store, tmp_path, far, company_tokens=5) as gateway,
        converse(gateway, "meta.llama:", stream=stream) as answer,
    ):
        told = await answer.json()
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (429, "ServiceQuotaExceededException")
        assert answer.headers["x-should-retry"] == "false"
    assert "Budget 'company'" in told["message"]
    assert (told["budget"]["name"], told["budget"]["limit"]) == ("company", 5)
    assert far.asked == []


async def test_what_waits_for_holds_is_throttled(valkey_store: Store, tmp_path: Path, far: Stage) -> None:
    """While another call holds the budget it is `ThrottlingException`, which AWS's SDKs ask again."""
    budgets = "- {name: one, scope: company, unit: in_flight, limit: 1}"
    async with (
        opened(valkey_store, tmp_path, far, budgets=budgets) as gateway,
        converse(gateway, "meta.llama:say-2.gate-1", stream=True) as first,
    ):
        async with converse(gateway, "meta.llama:") as second:
            assert (second.status, second.headers["x-amzn-errortype"]) == (429, "ThrottlingException")
            assert (await second.json())["code"] == "rate_limited"
        far.gate.set()
        assert text_of(await events_of(first)) == WORD * 2


async def test_an_exception_in_a_stream_passes(gateway: Client) -> None:
    """What came before it is delivered and charged, and so is the prompt."""
    async with converse(gateway, "meta.llama:say-5.end-error", stream=True) as answer:
        events = await events_of(answer)
    assert text_of(events) == WORD * 5
    assert events[-1] == ("modelStreamErrorException", {"message": "It broke."})
    used = await charged(gateway)
    assert used > TEMPLATE_TOKENS + 5


async def test_a_flaw_in_a_stream_passes(gateway: Client) -> None:
    """A wrong checksum is the client's to see: every byte passes, and what could not be read counts as text."""
    async with converse(gateway, "meta.llama:say-5.end-flaw", stream=True) as answer:
        data = await answer.read()
    with pytest.raises(AssertionError, match="checksum"):
        read_all(data)
    assert b"totalTokens" in data
    used = await charged(gateway)
    assert used > TEMPLATE_TOKENS + 5 + 100


async def test_a_connection_cut_in_a_stream_is_an_exception(gateway: Client) -> None:
    """A far end that breaks off without a word is an error of the stream, not its quiet end."""
    async with converse(gateway, "meta.llama:say-9.cut-5", stream=True) as answer:
        kind, value = (await events_of(answer))[-1]
    assert (kind, value["code"]) == ("modelStreamErrorException", "upstream_broken")
    used = await charged(gateway)
    assert used > TEMPLATE_TOKENS


async def test_a_client_that_leaves_is_charged(gateway: Client, far: Stage) -> None:
    """The far end is stopped; the prompt is charged, and what came of the answer."""
    async with converse(gateway, "meta.llama:say-900.gate-5", stream=True) as answer:
        await answer.content.readany()
        answer.close()
    await asyncio.wait_for(far.left.wait(), 10)
    used = await charged(gateway)
    assert TEMPLATE_TOKENS < used < TEMPLATE_TOKENS + 200


async def test_a_stream_is_cut_where_its_budget_ends(valkey_store: Store, tmp_path: Path, far: Stage) -> None:
    """What fits is delivered, the answer ends with `max_tokens`, then an exception; the far end is stopped."""
    limits = {"company_tokens": TIGHT, "tranche_tokens": 64, "default_output_tokens": 20_000}
    async with opened(valkey_store, tmp_path, far, **limits) as gateway:
        async with converse(gateway, "meta.llama:say-20000.gate-9000", stream=True) as answer:
            events = await events_of(answer)
        used = await charged(gateway)
    assert [kind for kind, _ in events[-3:]] == ["contentBlockStop", "messageStop", "throttlingException"]
    assert events[-2][1] == {"stopReason": "max_tokens"}
    assert events[-1][1]["budget"]["name"] == "company"
    # What had arrived unasked behind the cut is charged too, for the far end has produced it.
    assert 0 < len(text_of(events)) // len(WORD) < min(TIGHT, used)
    await asyncio.wait_for(far.left.wait(), 10)


@pytest.mark.parametrize("path", ["invoke", "invoke-with-response-stream", "converse/x", "count-tokens"])
async def test_other_operations_are_not_served(gateway: Client, far: Stage, path: str) -> None:
    """What is not metered is no way around it."""
    async with gateway.post(f"/model/meta.llama%3A/{path}", {"messages": MESSAGES}) as answer:
        assert answer.status == 404
    assert far.asked == []
