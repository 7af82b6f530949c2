"""Holds that grow with a stream, what happens when they may not, and what is sent upstream as a cap."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
from structlog.testing import capture_logs

from gateway.budget import Ledger, script
from gateway.store.connection import Store
from gateway.store.shards import prefix
from tests.gateways import ACME, Client, Limits
from tests.pipeline.conftest import OpenGateway
from tests.pipeline.scripted import DONE, PROMPT_TOKENS, Turn, frame, scripted_provider, usage_frame
from tests.provider.counting import WORDS
from tests.provider.process import ProviderProcess

TOKENS = 300
TRANCHE = 32
MODEL = "gpt-4o-mini"


class Talk:
    """A provider of 300 tokens that says each one only when the client has got the one before."""

    def __init__(self) -> None:
        self.heard = asyncio.Semaphore(1)
        self.has_ended = asyncio.Event()

    async def speak(self, turn: Turn) -> None:
        """Answer one request."""
        try:
            for at in range(TOKENS):
                await self.heard.acquire()
                await turn.say(frame(WORDS[at % len(WORDS)]))
            await self.heard.acquire()
            await turn.say(frame(finish="stop") + usage_frame(TOKENS) + DONE)
        finally:
            self.has_ended.set()


class Heard(NamedTuple):
    """A stream as its client got it: the tokens, and the data of the frames after them."""

    tokens: int
    rest: list[Any]


async def listen(client: Client, talk: Talk, **fields: Any) -> AsyncIterator[Heard]:
    """Hear a stream, frame by frame."""
    tokens, rest = 0, []
    async with client.chat(MODEL, stream=True, **fields) as answer:
        assert answer.status == 200, await answer.text()
        async for line in answer.content:
            if not line.startswith(b"data: "):
                assert line == b"\n"
                continue
            data = line.removeprefix(b"data: ").strip()
            read = data if data == b"[DONE]" else json.loads(data)
            if isinstance(read, dict) and "choices" in read and "content" in read["choices"][0]["delta"]:
                tokens += 1
                yield Heard(tokens, rest)
                talk.heard.release()
            else:
                rest.append(read)
    yield Heard(tokens, rest)


async def heard_out(client: Client, talk: Talk, **fields: Any) -> Heard:
    """Hear a stream to its end."""
    return [heard async for heard in listen(client, talk, **fields)][-1]


# ---------------------------------------------------------------- the hold grows


async def test_a_hold_grows_with_its_stream(open_gateway: OpenGateway) -> None:
    """While a stream flows, its hold covers what was sent and is at most a tranche ahead; in the end all is exact."""
    talk = Talk()
    async with scripted_provider(talk.speak) as base_url:
        client = await open_gateway(Limits(tranche_tokens=TRANCHE), base_url)
        prompt, heard = None, Heard(0, [])
        async for heard in listen(client, talk, max_tokens=1000):
            company = (await client.budgets())["company"]
            if prompt is None:
                prompt = company["held"] - TRANCHE
            granted = company["held"] - prompt
            if not heard.rest:
                assert company["used"] == 0
                assert heard.tokens <= granted <= heard.tokens + TRANCHE + 1
        assert (heard.tokens, heard.rest[-1]) == (TOKENS, b"[DONE]")
        assert heard.rest[0]["choices"][0]["finish_reason"] == "stop"
        assert await client.company() == (PROMPT_TOKENS + TOKENS, 0)


async def test_a_stream_that_just_reaches_its_bound_holds_no_more(open_gateway: OpenGateway) -> None:
    """What the client asked for was held from the start: the last token of it takes nothing from others."""
    talk = Talk()
    async with scripted_provider(talk.speak) as base_url:
        client = await open_gateway(Limits(tranche_tokens=2048), base_url)
        sums = [
            sum(await client.company())
            async for heard in listen(client, talk, max_tokens=TOKENS)
            if heard.tokens and not heard.rest
        ]
        assert await client.company() == (PROMPT_TOKENS + TOKENS, 0)
    assert len(sums) == TOKENS
    assert set(sums) == {sums[0]}


@pytest.mark.parametrize("tranche", [16, 64, 2048])
async def test_a_wide_budget_never_cuts(open_gateway: OpenGateway, far: ProviderProcess, tranche: int) -> None:
    """A stream of many tranches, as fast as it can come, passes whole and is charged exactly."""
    client = await open_gateway(Limits(tranche_tokens=tranche))
    async with client.chat("m:tokens-300", stream=True, max_tokens=1000) as answer:
        body = await answer.read()
    assert body.count(b'"content":" ') == TOKENS
    assert body.endswith(DONE)
    assert await client.company() == (PROMPT_TOKENS + TOKENS, 0)
    (entry,) = await far.log()
    assert json.loads(entry["body"])["max_tokens"] == 1000


# ---------------------------------------------------------------- the hold may not grow


@pytest.mark.parametrize("limit", [PROMPT_TOKENS + 100, 290])
async def test_hard_cuts_a_stream_cleanly(open_gateway: OpenGateway, limit: int) -> None:
    """A stream that its budget cannot carry ends with `length` and the budget's error, and uses what there is."""
    talk = Talk()
    async with scripted_provider(talk.speak) as base_url:
        client = await open_gateway(Limits(tranche_tokens=TRANCHE, company_tokens=limit), base_url)
        heard = await heard_out(client, talk, max_tokens=1000)
        await talk.has_ended.wait()  # the provider was told to stop
        used, held = await client.company()
    length, error = heard.rest
    assert length["choices"] == [{"index": 0, "delta": {}, "finish_reason": "length"}]
    assert (length["id"], length["object"]) == ("c1", "chat.completion.chunk")
    assert (error["error"]["code"], error["error"]["type"]) == ("budget_exceeded", "insufficient_quota")
    assert error["error"]["budget"]["name"] == "company"
    assert error["error"]["budget"]["limit"] == limit
    assert PROMPT_TOKENS + heard.tokens == limit
    assert limit <= used <= limit + 1  # the provider may have said one more token before it was told
    assert held == 0


async def expired(store: Store) -> None:
    """Have the lease of the call in flight expire, as one does whose gateway was away from the store for its length."""
    shard = prefix(ACME)
    (call,) = await store.execute("ZRANGE", f"{shard}D", 0, -1)
    await store.execute("ZADD", f"{shard}D", 0, call)
    assert await Ledger(store, script.load(), lease_seconds=60).reap(shard) == 1


@pytest.mark.parametrize("limit", [PROMPT_TOKENS + 100, 290])
async def test_a_stream_whose_lease_has_expired_keeps_the_limit(
    open_gateway: OpenGateway, valkey_store: Store, limit: int
) -> None:
    """What was held was charged as it expired; what comes beyond it is held anew, up to the limit and no further."""
    talk, heard = Talk(), Heard(0, [])
    async with scripted_provider(talk.speak) as base_url:
        client = await open_gateway(Limits(tranche_tokens=TRANCHE, company_tokens=limit), base_url)
        async for heard in listen(client, talk, max_tokens=1000):
            if heard.tokens == TRANCHE // 2 and not heard.rest:
                await expired(valkey_store)
            if not heard.rest:
                assert sum(await client.company()) <= limit
        await talk.has_ended.wait()
        used, held = await client.company()
    _, error = heard.rest
    assert error["error"]["code"] == "budget_exceeded"
    assert PROMPT_TOKENS + heard.tokens == limit
    assert limit <= used <= limit + 1  # the provider may have said one more token before it was told
    assert held == 0


async def test_a_burst_that_is_cut_is_charged_whole(open_gateway: OpenGateway) -> None:
    """Of a burst that a budget cuts in the middle the client gets a part; the provider had produced all of it."""

    async def speak(turn: Turn) -> None:
        await turn.say(b"".join(frame(WORDS[at % len(WORDS)]) for at in range(1000)))
        await asyncio.Event().wait()

    async with scripted_provider(speak) as base_url:
        client = await open_gateway(Limits(tranche_tokens=TRANCHE, company_tokens=100), base_url)
        async with client.chat(MODEL, stream=True, max_tokens=2000) as answer:
            body = await answer.read()
        used, held = await client.company()
    assert 91 <= body.count(b'"content":" ') < 1000
    assert b'"finish_reason":"length"' in body
    assert (used, held) == (PROMPT_TOKENS + 1000, 0)


async def test_soft_lets_a_stream_finish_and_remembers_the_debt(open_gateway: OpenGateway) -> None:
    """A soft budget does not cut: the debt is charged, and the next call is refused."""
    talk = Talk()
    async with scripted_provider(talk.speak) as base_url:
        limits = Limits(enforcement="soft", tranche_tokens=TRANCHE, company_tokens=100)
        client = await open_gateway(limits, base_url)
        heard = await heard_out(client, talk, max_tokens=1000)
        assert (heard.tokens, heard.rest[-1]) == (TOKENS, b"[DONE]")
        assert await client.company() == (PROMPT_TOKENS + TOKENS, 0)
        async with client.chat(MODEL) as refused:
            assert (refused.status, (await refused.json())["error"]["code"]) == (429, "budget_exceeded")


async def test_shadow_neither_cuts_nor_refuses(open_gateway: OpenGateway) -> None:
    """A shadow budget only counts: streams over it finish, and so do the calls after them."""
    limits = Limits(enforcement="shadow", tranche_tokens=TRANCHE, company_tokens=100)
    for calls in (1, 2):
        talk = Talk()
        async with scripted_provider(talk.speak) as base_url:
            client = await open_gateway(limits, base_url)
            heard = await heard_out(client, talk, max_tokens=1000)
            assert (heard.tokens, heard.rest[-1]) == (TOKENS, b"[DONE]")
            assert await client.company() == (calls * (PROMPT_TOKENS + TOKENS), 0)


async def test_a_clamped_stream_ends_by_its_cap(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """Near the end of a budget the grant goes upstream as the cap: the provider ends by itself, with its usage."""
    client = await open_gateway(Limits(company_tokens=800))
    async with client.chat("m:tokens-300", stream=True, max_tokens=1000) as answer:
        body = await answer.read()
    (entry,) = await far.log()
    cap = json.loads(entry["body"])["max_tokens"]
    assert 0 < cap < 100
    assert (entry["completion_tokens"], body.count(b'"content":" ')) == (cap, cap)
    assert b'"finish_reason":"length"' in body
    assert body.endswith(DONE)
    assert await client.company() == (PROMPT_TOKENS + cap, 0)


# ---------------------------------------------------------------- the cap


async def sent(client: Client, far: ProviderProcess, path: str = "/v1/chat/completions", **body: Any) -> dict[str, Any]:
    """Make a call and give the bounds that the provider saw."""
    if path.endswith("chat/completions"):
        body["messages"] = [{"role": "user", "content": "Hello there"}]
    async with client.post(path, {"model": "m:", **body}) as answer:
        assert answer.status == 200, await answer.text()
    (entry,) = await far.log()
    await far.reset()
    fields = json.loads(entry["body"])
    return {name: fields[name] for name in ("max_tokens", "max_completion_tokens") if name in fields}


KNOWN = '{"*": {reasoning: false, max_output_tokens: 100}}'
THINKING = '{"*": {reasoning: true}}'
COMPLETIONS = "/v1/completions"


@pytest.mark.parametrize(
    ("limits", "body", "cap"),
    [
        (Limits(), {}, {"max_tokens": 64}),  # nobody knows how long an answer can be
        (Limits(), {"max_tokens": 20}, {"max_tokens": 20}),
        (Limits(), {"max_completion_tokens": 20}, {"max_completion_tokens": 20}),
        (Limits(), {"max_tokens": 20, "max_completion_tokens": 30}, {"max_tokens": 30}),  # only one of them is sent
        (Limits(), {"n": 3}, {"max_tokens": 64}),
        (Limits(), {"n": 3, "stream": True}, {"max_tokens": 64}),
        (Limits(), {"stream": True}, {}),  # it is watched
        (Limits(models=KNOWN), {}, {}),  # the model's own maximum is held
        (Limits(models=KNOWN), {"n": 3}, {}),
        (Limits(models=KNOWN), {"max_tokens": 50}, {"max_tokens": 50}),
        (Limits(models=KNOWN), {"max_tokens": 5000}, {"max_tokens": 100}),
        (Limits(models=THINKING), {}, {"max_completion_tokens": 64}),
        (Limits(models=THINKING), {"stream": True}, {"max_completion_tokens": 64}),
        (Limits(models=THINKING), {"max_tokens": 20}, {"max_tokens": 20}),
        (Limits(enforcement="soft"), {}, {}),
        (Limits(enforcement="shadow"), {}, {}),
        (Limits(company_tokens=-1), {}, {}),
        (Limits(company_tokens=800), {"stream": True, "max_tokens": 10}, {"max_tokens": 10}),
        (Limits(default_output_tokens=4096, company_tokens=1500), {}, {"max_tokens": 256}),  # what a grant is at least
        (Limits(default_output_tokens=4096, company_tokens=1500), {"n": 2}, {"max_tokens": 128}),
        (Limits(default_output_tokens=4096, company_tokens=1500, enforcement="soft"), {}, {}),
        (Limits(default_output_tokens=4096, company_tokens=1500, models=THINKING), {}, {"max_completion_tokens": 256}),
    ],
)
async def test_the_cap_is_sent_only_where_it_must_be(
    open_gateway: OpenGateway, far: ProviderProcess, limits: Limits, body: dict[str, Any], cap: dict[str, int]
) -> None:
    """The grant goes upstream per choice, in the model's field, where less was granted or no maximum is known."""
    client = await open_gateway(limits)
    assert await sent(client, far, **body) == cap


async def test_an_unwatched_call_leaves_room_for_others(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """Near the end of a budget, a call that cannot be watched is granted an eighth of what its prompt leaves."""
    client = await open_gateway(Limits(default_output_tokens=4096, company_tokens=5000))
    with capture_logs() as logs:
        (cap,) = (await sent(client, far)).values()
    assert cap == (5000 - logs[0]["estimate_tokens"]) // 8 > 256


async def test_completions_are_bounded_by_their_documented_default(
    open_gateway: OpenGateway, far: ProviderProcess
) -> None:
    """A legacy completion is held and capped at 16 tokens a prompt unless it asks for more; an embedding at none."""
    client = await open_gateway()
    assert await sent(client, far, COMPLETIONS, prompt="hello") == {"max_tokens": 16}
    assert await sent(client, far, COMPLETIONS, prompt=["hello", "there"]) == {"max_tokens": 16}
    assert await sent(client, far, COMPLETIONS, prompt="hello", max_tokens=30) == {"max_tokens": 30}
    assert await sent(client, far, "/v1/embeddings", input="hello") == {}


async def test_what_is_granted_is_what_is_held(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """The largest answer that the caps allow is within the hold, also for several choices."""
    client = await open_gateway(Limits(default_output_tokens=4096, company_tokens=3000))
    async with client.chat("m:tokens-5000", n=2) as answer:
        completion = (await answer.json())["usage"]["completion_tokens"]
    used, held = await client.company()
    (entry,) = await far.log()
    assert used == PROMPT_TOKENS + completion == entry["prompt_tokens"] + entry["completion_tokens"]
    assert (completion, held) == (2 * json.loads(entry["body"])["max_tokens"], 0)
    assert used <= 3000
