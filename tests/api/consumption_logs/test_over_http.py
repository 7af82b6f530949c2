"""The logs of calls that were really made, read by everybody who may."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
import pytest_asyncio

from tests.api.consumption_logs.conftest import EVE_KEY, SALES, UNKNOWN, Site
from tests.edge import BOSS_KEY, EVE
from tests.gateways import (
    ACME,
    ADA,
    ADA_KEY,
    ADMIN_KEY,
    BACKEND_KEY,
    BOB,
    BOB_KEY,
    HELPDESK,
    OTHER_KEY,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

HELLO = len("Hello there")
HINT = f"sk-...{sha256(ADA_KEY.encode()).hexdigest()[-4:]}"  # the tests' keys all end alike
Ask = Callable[..., Awaitable[tuple[int, int]]]


def of(key: str, **headers: str) -> dict[str, str]:
    """Give the headers of a call: whose key, and `X-Gateway-` ones by their last words."""
    return {"Authorization": f"Bearer {key}", **{f"X-Gateway-{name}": value for name, value in headers.items()}}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def spent(site: Site) -> dict[str, tuple[int, int]]:
    """Make calls of three users, two agents, two providers and each purpose; give what they took by name."""
    client = site.edge.client

    async def chat(headers: dict[str, str], model: str = "m:tokens-20", **body: Any) -> tuple[int, int]:
        async with client.chat(model, headers=headers, **body) as answer:
            assert answer.status == 200, await answer.text()
            if body.get("stream"):
                await answer.read()
                return 0, 0
            usage = (await answer.json())["usage"]
            return usage["prompt_tokens"], usage["completion_tokens"]

    async def embed(headers: dict[str, str]) -> tuple[int, int]:
        async with client.post("/v1/embeddings", {"model": "m:", "input": "Hello there"}, **headers) as answer:
            return (await answer.json())["usage"]["prompt_tokens"], 0

    took = {
        "qa": await chat(of(ADA_KEY, Session="one")),
        "qa again": await chat(of(ADA_KEY, Session="one")),
        "streamed": await chat(of(ADA_KEY, Session="two"), stream=True),
        "deep": await chat(of(ADA_KEY, Session="two", Purpose="DT")),
        "import": await chat(of(ADA_KEY, Purpose="IE")),
        "own": await chat(of(ADA_KEY, Session="three"), "own/m:tokens-20"),
        "own deep": await chat(of(ADA_KEY, Session="three", Purpose="DT"), "own/m:tokens-20"),
        "own import": await chat(of(ADA_KEY, Purpose="IE"), "own/m:tokens-20"),
        "embedded": await embed(of(ADA_KEY, Session="four", Purpose="IE")),
        "sales": await chat(of(ADA_KEY, Agent="sales")),
        "bob": await chat(of(BOB_KEY, Session="one")),
        "stranger": await chat(of(BACKEND_KEY, User=UNKNOWN)),
        "backend": await chat(of(BACKEND_KEY)),
        "eve": await chat(of(EVE_KEY)),
    }
    await client.company()
    return took


def without_ids(logs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    assert len({log["consumptionLogID"] for log in logs}) == len(logs)
    return [{name: value for name, value in log.items() if name != "consumptionLogID"} for log in logs]


def today(site: Site) -> datetime:
    now = datetime.fromtimestamp(site.edge.client.app.gateway.ledger.now_ms() / 1000, UTC)
    return now.replace(hour=0, minute=0, second=0, microsecond=0)


def instant(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


NOTHING = {
    "totalSessions": 0,
    "validSessions": 0,
    "completions": 0,
    "deepThoughtValidSessions": 0,
    "deepThoughtCompletions": 0,
    "importedSize": 0,
    "nonChargeableCompletions": 0,
    "nonChargeableDeepThoughtCompletions": 0,
    "nonChargeableImportedSize": 0,
}


FAR, OWN = f"far|chat|{HINT}|m:tokens-20|$|", f"own|chat|{HINT}|m:tokens-20||"


def helpdesk_log(day: date, spent: dict[str, tuple[int, int]]) -> dict[str, Any]:
    """Give the log of ada's day through the helpdesk."""
    prompt, completion = spent["qa"]
    calls = {f"{FAR}QA": 3, f"{FAR}DT": 1, f"{FAR}IE": 1, f"{OWN}QA": 1, f"{OWN}DT": 1, f"{OWN}IE": 1}
    embedded = {f"far|embeddings|{HINT}|m:|$|IE": str(spent["embedded"][0])}
    return {
        "from": instant(day),
        "to": instant(day + timedelta(days=1)),
        "type": "Daily",
        "userID": ADA,
        "userName": "ada",
        "tenantName": "acme",
        "memoriID": HELPDESK,
        "memoriName": "helpdesk",
        "totalSessions": 4,
        "validSessions": 2,
        "completions": 5,
        "deepThoughtValidSessions": 1,
        "deepThoughtCompletions": 1,
        "importedSize": 2 * HELLO,
        "nonChargeableCompletions": 3,
        "nonChargeableDeepThoughtCompletions": 1,
        "nonChargeableImportedSize": HELLO,
        "promptTokens": {name: str(count * prompt) for name, count in calls.items()} | embedded,
        "completionTokens": {name: str(count * completion) for name, count in calls.items()},
    }


async def test_every_field_of_a_days_log(site: Site, spent: dict[str, tuple[int, int]]) -> None:
    """Sessions, completions, characters and tokens of one user through one agent, chargeable and not."""
    of_sales, of_helpdesk = sorted(
        await site.logs("User", ADA_KEY, ADA), key=lambda log: log["memoriName"] == "helpdesk"
    )
    prompt, completion = spent["qa"]
    expected = helpdesk_log(today(site), spent)
    assert without_ids([of_helpdesk]) == [expected]
    assert without_ids([of_sales]) == [
        {
            **expected,
            **NOTHING,
            "memoriID": SALES,
            "memoriName": "sales",
            "completions": 1,
            "promptTokens": {f"{FAR}QA": str(prompt)},
            "completionTokens": {f"{FAR}QA": str(completion)},
        }
    ]


async def test_a_tenants_logs_are_one_for_each_user_and_agent(site: Site, spent: dict[str, tuple[int, int]]) -> None:
    """Also for users who are not listed, and for nobody in particular; of no other tenant."""
    logs = await site.logs("Tenant", BACKEND_KEY, "acme")
    assert {(log["userID"], log["userName"], log["memoriID"], log["memoriName"]) for log in logs} == {
        (None, None, None, None),
        (ADA, "ada", HELPDESK, "helpdesk"),
        (ADA, "ada", SALES, "sales"),
        (BOB, "bob", None, None),
        (UNKNOWN, None, None, None),
    }
    assert len(logs) == 5
    tokens = sum(
        int(count) for log in logs for name in ("promptTokens", "completionTokens") for count in log[name].values()
    )
    assert tokens == (await site.edge.client.company())[0]
    (others,) = await site.logs("Tenant", OTHER_KEY, "other")
    assert (others["tenantName"], others["userID"], others["completions"]) == ("other", EVE, 1)


async def test_everybody_who_may_reads_the_same_logs(site: Site, spent: dict[str, tuple[int, int]]) -> None:
    """A log is the same, with the same ID, by whichever of the three ways and by whoever it is read."""
    for kind in ("Daily", "Monthly"):
        tenant = await site.logs("Tenant", BACKEND_KEY, "acme", kind)
        for key in (BOSS_KEY, ADMIN_KEY):
            assert await site.logs("Tenant", key, "acme", kind) == tenant
        for user in (ADA, BOB, UNKNOWN):
            of_user = [log for log in tenant if log["userID"] == user]
            for key in (BACKEND_KEY, BOSS_KEY, ADMIN_KEY):
                assert await site.logs("User", key, user, kind) == of_user
        for agent in (HELPDESK, SALES):
            of_agent = [log for log in tenant if log["memoriID"] == agent]
            for key in (BACKEND_KEY, BOSS_KEY, ADMIN_KEY):
                assert await site.logs("Memori", key, agent, kind) == of_agent
    assert await site.logs("User", ADA_KEY, ADA) == await site.logs("User", BOSS_KEY, ADA)


async def test_a_month_holds_its_days(site: Site, spent: dict[str, tuple[int, int]]) -> None:
    """With all traffic on one day, a month's log is that day's, from the 1st to the next 1st."""
    first = today(site).replace(day=1)
    days = without_ids(await site.logs("Tenant", BACKEND_KEY, "acme", "Daily"))
    months = without_ids(await site.logs("Tenant", BACKEND_KEY, "acme", "Monthly"))
    last = (first + timedelta(days=31)).replace(day=1)
    assert months == [{**day, "type": "Monthly", "from": instant(first), "to": instant(last)} for day in days]


async def test_a_range_includes_both_its_days(site: Site, spent: dict[str, tuple[int, int]]) -> None:
    """From today to today there is today; up to yesterday, from tomorrow, and backwards there is nothing."""
    day = today(site)
    before, now, after = (f"{day + timedelta(days=n):%Y%m%d}" for n in (-1, 0, 1))
    everything = await site.logs("Tenant", BACKEND_KEY, "acme", "Daily")
    for dates in ([now], [before], [now, now], [before, after], ["00010101", "99991231"]):
        assert await site.logs("Tenant", BACKEND_KEY, "acme", "Daily", *dates) == everything
    for dates in ([before, before], [after], [after, after], [after, before], [now, before], ["20200101", "20201231"]):
        assert await site.logs("Tenant", BACKEND_KEY, "acme", "Daily", *dates) == []


async def test_names_are_decoded_once(site: Site, spent: dict[str, tuple[int, int]]) -> None:
    """A client that encodes what needs no encoding reaches the same; a GUID may be spelt in any way."""
    everything = await site.logs("Tenant", BACKEND_KEY, "acme")
    assert await site.logs("Tenant", BACKEND_KEY.replace("-", "%2D"), "%61cme") == everything
    for spelling in (ADA.upper(), ADA.replace("-", ""), f"%7B{ADA}%7D"):
        assert await site.logs("User", ADA_KEY, spelling) == await site.logs("User", ADA_KEY, ADA)


async def test_answers_are_numbered(site: Site) -> None:
    """Each answer has a number above the last, a time, and is kept by nobody; a refusal likewise."""
    numbers = []
    for path in (f"TenantConsumptionLogs/{BACKEND_KEY}/acme/Daily", "TenantConsumptionLogs/x/acme/Daily") * 2:
        told = await site.get(path)
        assert list(told.body) == ["consumptionLogs", "requestID", "requestDateTime", "resultCode", "resultMessage"]
        numbers.append(told.body["requestID"])
        since = datetime.now(UTC) - datetime.fromisoformat(told.body["requestDateTime"])
        assert timedelta(0) <= since < timedelta(minutes=1)
        assert (told.headers["Cache-Control"], told.headers["Referrer-Policy"]) == ("no-store", "no-referrer")
        assert told.headers["x-request-id"]
    assert numbers == list(range(numbers[0], numbers[0] + 4))


async def test_an_empty_company_has_no_logs(site: Site) -> None:
    """A user and an agent that are configured and did nothing: Ok, and an empty array."""
    store = site.edge.client.app.gateway.store
    assert await store.execute("KEYS", f"*:u:{ACME}:20200101:*") == []
    assert await site.logs("Memori", ADMIN_KEY, HELPDESK, "Monthly", "20200101", "20200131") == []
    assert await site.logs("User", ADMIN_KEY, ADA, "Monthly", "20200101", "20200131") == []
