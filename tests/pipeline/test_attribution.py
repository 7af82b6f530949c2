"""What a call leaves behind: the same charge in the ledger, in the roll-ups and in the log, under the right names."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.usage import UsageKey
from gateway.usage.keys import session_digest
from gateway.usage.queries import Counts, DayRecord, Totals, days
from tests.gateways import ACME, ADA, ADA_KEY, BOB, BOB_KEY, HELPDESK, Client, Limits
from tests.pipeline.conftest import OpenGateway
from tests.pipeline.raw import as_user, ask, chat_body, guid, leave, until_nothing_is_held
from tests.pipeline.scripted import PROMPT_TOKENS
from tests.provider.process import ProviderProcess

AS_BOB = {"Authorization": f"Bearer {BOB_KEY}"}


async def records(client: Client) -> list[DayRecord]:
    """Give what the company's roll-ups hold (yesterday and tomorrow too: a test may run at midnight)."""
    today = datetime.now(UTC).date()
    start, end = today - timedelta(days=1), today + timedelta(days=1)
    return [record async for record in days(client.app.gateway.store, ACME, start, end)]


async def chat(client: Client, script: str = "", headers: dict[str, str] | None = None, **fields: Any) -> None:
    """Make a call that is answered."""
    async with client.chat(f"m:{script}", headers=headers, **fields) as answer:
        assert answer.status == 200, await answer.text()
        await answer.read()


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_is_rolled_up_under_its_names(open_gateway: OpenGateway, stream: bool) -> None:
    """Purpose, session, user and agent of a call are remembered with its tokens, equal to what the ledger charged."""
    client = await open_gateway()
    headers = {"X-Gateway-Purpose": "DT", "X-Gateway-Session": "talk-1"}
    await chat(client, "tokens-7.cached-4.think-5", headers, stream=stream)
    used, _ = await client.company()
    (record,) = await records(client)
    ((key, counts),) = record.counts.items()
    assert (record.user_id, record.agent_id) == (ADA, HELPDESK)
    assert key == UsageKey("far", "chat", key.api_key, "m:tokens-7.cached-4.think-5", "$", "DT")
    assert key.api_key == next(key.hint for key in client.app.gateway.config.keys if key.name == "ada")
    assert ADA_KEY not in key.api_key
    assert counts == Counts(PROMPT_TOKENS, 12, cache_read=4, reasoning=5, requests=1, weighted=used)
    assert used == PROMPT_TOKENS + 12
    assert record.totals == Totals(completions=1, completions_deep=1)
    digest = {session_digest("talk-1")}
    assert record.sessions == record.valid_sessions == record.deep_sessions == digest


async def test_each_caller_has_a_record(open_gateway: OpenGateway) -> None:
    """Calls of several users are rolled up apart, and their sum is what the company has used."""
    client = await open_gateway()
    await chat(client, "tokens-5")
    await chat(client, "tokens-6", AS_BOB, stream=True)
    await chat(client, "tokens-7", as_user(7))
    await chat(client, "tokens-8.usage-none", as_user(7))
    used, _ = await client.company()
    found = await records(client)
    assert {(record.user_id, record.agent_id) for record in found} == {(ADA, HELPDESK), (BOB, None), (guid(7), None)}
    assert sum(counts.weighted for record in found for counts in record.counts.values()) == used
    assert sum(counts.input + counts.output for record in found for counts in record.counts.values()) == used
    quotas = [(await client.budgets(**headers))["user-daily"]["used"] for headers in ({}, AS_BOB, as_user(7))]
    assert sum(quotas) == used
    purposes = {record.user_id: {key.purpose for key in record.counts} for record in found}
    assert purposes == {ADA: {"QA"}, BOB: {"DT"}, guid(7): {"QA"}}  # the key's default, else the configuration's


async def test_imported_text_is_counted(open_gateway: OpenGateway) -> None:
    """A call whose purpose imports counts the characters of its prompt; the body may name purpose and session too."""
    client = await open_gateway()
    fields = {"metadata": {"purpose": "IE"}, "prompt_cache_key": "talk-2"}
    await chat(client, "tokens-5", **fields)
    (record,) = await records(client)
    assert record.totals == Totals(completions=1, imported_chars=len("Hello there"))
    assert record.sessions == {session_digest("talk-2")}


async def test_what_is_free_leaves_no_trace(open_gateway: OpenGateway) -> None:
    """A call that a provider refused is in no roll-up."""
    client = await open_gateway()
    async with client.chat("m:status-500", headers={"X-Gateway-Session": "talk-3"}) as answer:
        assert answer.status == 500
    assert await client.company() == (0, 0)
    assert await records(client) == []


@pytest.mark.parametrize("stream", [False, True])
async def test_an_estimate_is_marked(open_gateway: OpenGateway, stream: bool) -> None:
    """What is charged by an estimate is marked in the roll-up; what a provider reported is not."""
    client = await open_gateway()
    await chat(client, "tokens-5", AS_BOB, stream=stream)
    await chat(client, "tokens-6.usage-none", stream=stream)
    marked = {record.user_id: counts for record in await records(client) for counts in record.counts.values()}
    assert marked[BOB].estimated == 0
    assert marked[ADA].estimated == marked[ADA].input + marked[ADA].output >= PROMPT_TOKENS + 6


async def test_a_client_that_left_is_rolled_up_too(open_gateway: OpenGateway, far: ProviderProcess) -> None:
    """The charge of a call whose client left stands in the roll-up as it does in the ledger."""
    client = await open_gateway()
    reader, writer = await ask(client.url, chat_body("m:tokens-5.stall-900", stream=True), number=3)
    await reader.readuntil(b'"content":" of"')
    leave(writer)
    used = await until_nothing_is_held(client)
    ((key, counts),) = (await records(client))[0].counts.items()
    assert (counts.weighted, counts.input + counts.output, counts.estimated) == (used, used, used)
    assert (key.purpose, counts.requests) == ("QA", 1)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_overrun_is_charged_and_recorded(open_gateway: OpenGateway, stream: bool) -> None:
    """A provider that takes more than was held for the call is charged for all of it, and the excess is logged."""
    client = await open_gateway(Limits(company_tokens=1200))
    with capture_logs() as logs:
        await chat(client, "tokens-400.overrun.prompt-900", stream=stream, max_tokens=20)
        used, held = await client.company()
    (line,) = (line for line in logs if line["event"] == "call")
    assert (used, held) == (1300, 0)
    assert line["overrun_tokens"] == 1300 - line["held_tokens"] > 0
    ((_, counts),) = (await records(client))[0].counts.items()
    assert (counts.weighted, counts.estimated) == (1300, 0)
    async with client.chat("m:") as refused:
        error = (await refused.json())["error"]
    assert (refused.status, error["code"], error["budget"]["used"]) == (429, "budget_exceeded", 1300)
