"""The real `@memori.ai/memori-api-client` for Node, unchanged, in a process of its own."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.api.consumption_logs.conftest import UNKNOWN, Site
from tests.edge import BOSS_KEY
from tests.gateways import ADA, ADA_KEY, ADMIN_KEY, BACKEND_KEY, BOB, HELPDESK
from tests.node_clients import NodeClients

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCRIPT = Path(__file__).with_name("node_client.mjs")
TENANT, USER, MEMORI = "getTenantConsumptionLogs", "getUserConsumptionLogs", "getMemoriConsumptionLogs"
WAYS = ((TENANT, BACKEND_KEY, "acme"), (USER, ADA_KEY, ADA), (MEMORI, BOSS_KEY, HELPDESK))


async def called(site: Site, node_clients: NodeClients, *calls: tuple[str | None, ...]) -> list[dict[str, Any]]:
    """Have the client make calls in order; give the values that their promises came to."""
    # The client keeps the origin of its URL and nothing else of it.
    given = {"url": f"{site.edge.client.url}/some/path?a=b", "calls": calls}
    answers = await node_clients.run(SCRIPT, given)
    assert [set(answer) for answer in answers] == [{"value"}] * len(calls), answers
    return [answer["value"] for answer in answers]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def day(site: Site) -> datetime:
    """Make calls with each purpose; give the day on which they were made."""
    for purpose in ("QA", "DT", "IE"):
        headers = {"X-Gateway-Purpose": purpose, "X-Gateway-Session": purpose}
        async with site.edge.client.chat("m:tokens-20", headers=headers) as answer:
            assert answer.status == 200
    await site.edge.client.company()
    return datetime.fromtimestamp(site.edge.client.app.gateway.ledger.now_ms() / 1000, UTC)


def digits(moment: datetime) -> str:
    return f"{moment:%Y%m%d}"


@pytest.mark.parametrize("kind", ["Daily", "Monthly"])
async def test_all_three_calls_with_and_without_dates(
    site: Site, node_clients: NodeClients, day: datetime, kind: str
) -> None:
    """Each gives the logs that the gateway has; both dates may be left out (the client leaves out a lone end)."""
    now, month_ago, tomorrow = digits(day), digits(day - timedelta(days=31)), digits(day + timedelta(days=1))
    dates = ((), (now,), (now, now), (month_ago, tomorrow), (None, month_ago))
    calls = [(*way, kind, *given) for way in WAYS for given in dates]
    answers = await called(site, node_clients, *calls)
    (expected,) = await site.logs("User", ADA_KEY, ADA, kind)
    assert expected["completions"] == 3
    for call, answer in zip(calls, answers, strict=True):
        assert (answer["resultCode"], answer["resultMessage"]) == (0, "Ok"), call
        assert answer["consumptionLogs"] == [expected], call
    numbers = [answer["requestID"] for answer in answers]
    assert numbers == sorted(set(numbers))


async def test_a_range_without_logs_is_empty(site: Site, node_clients: NodeClients, day: datetime) -> None:
    """The client gets an empty array for a day without calls and for a range that ends before it begins."""
    before = digits(day - timedelta(days=1))
    given = ((before, before), (digits(day), before))
    answers = await called(site, node_clients, *((*way, "Daily", *dates) for way in WAYS for dates in given))
    assert [(answer["consumptionLogs"], answer["resultCode"]) for answer in answers] == [([], 0)] * len(answers)


async def test_the_client_gets_every_refusal_as_a_value(site: Site, node_clients: NodeClients, day: datetime) -> None:
    """It parses every answer as JSON, whatever its status: none is thrown, each has its code."""
    refused = [
        (-101, (TENANT, "wrong", "acme", "Daily")),
        (-101, (USER, "wrong", ADA, "Monthly", "20260101")),
        (-102, (TENANT, ADA_KEY, "acme", "Daily")),
        (-102, (USER, ADA_KEY, BOB, "Daily")),
        (-102, (MEMORI, ADA_KEY, HELPDESK, "Daily")),
        (-901, (TENANT, BACKEND_KEY, "acme", "Weekly")),
        (-902, (TENANT, BACKEND_KEY, "acme", "Daily", "2026-01-01")),
        (-903, (TENANT, BACKEND_KEY, "acme", "Daily", "20260101", "today")),
        (-904, (USER, BACKEND_KEY, "ada", "Daily")),
        (-905, (MEMORI, BACKEND_KEY, "helpdesk", "Daily")),
        (-1, (TENANT, ADMIN_KEY, "nobody at all", "Daily")),
        (-12, (USER, ADMIN_KEY, UNKNOWN, "Daily")),
        (-51, (MEMORI, ADMIN_KEY, UNKNOWN, "Daily")),
    ]
    answers = await called(site, node_clients, *(call for _, call in refused))
    assert [answer["resultCode"] for answer in answers] == [code for code, _ in refused]
    assert {answer["consumptionLogs"] for answer in answers} == {None}
