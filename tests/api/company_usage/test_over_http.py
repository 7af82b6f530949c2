"""Company usage over HTTP: every route, every format, who may see and report what."""

import csv
import io
import json
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring

from gateway.store.shards import prefix
from gateway.usage import days, parse_usage_key
from gateway.usage.keys import day_of
from tests.api.company_usage.calls import GET_ROUTES, JSON, RECORD_ROUTES, ROUTE, ask, bearer, refused, usage
from tests.edge import BOSS_KEY, OLD_KEY, ROBOT_KEY, Edge
from tests.gateways import ACME, ADA_KEY, ADMIN_KEY, BACKEND_KEY, BOB_KEY, OTHER, OTHER_KEY

pytestmark = pytest.mark.asyncio(loop_scope="module")

DTO = "{http://schemas.datacontract.org/2004/07/BokaMera.API.ServiceModel.Dtos}"
TYPES = "{http://schemas.servicestack.net/types}"
NOBODY = "44444444-4444-4444-8444-444444444444"
XML_REPORT = '<RecordAiChatUsage xmlns="%s"><CompanyId>%s</CompanyId><TokensUsed>5</TokensUsed></RecordAiChatUsage>'
MEMBERS = ("CompanyId", "TokensUsed", "TokenLimit", "TokensRemaining", "IsWithinBudget", "WindowDays")


@pytest.mark.parametrize("route", GET_ROUTES)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_company_reads_its_usage(edge: Edge, route: str, method: str) -> None:
    """Each route answers the caller's company, members in declared order; a read may be a POST where it has a name."""
    if (route, method) == (ROUTE, "POST"):
        method = "GET"
    answer, text = await ask(edge.client, method, route)
    body = json.loads(text)
    used, _ = await edge.client.company()
    assert (answer.status, answer.headers["Content-Type"]) == (200, JSON)
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["x-request-id"]
    assert tuple(body) == MEMBERS
    assert body == dict(zip(MEMBERS, (ACME, used, 1_000_000, 1_000_000 - used, True, 30), strict=True))


@pytest.mark.parametrize("route", RECORD_ROUTES)
@pytest.mark.parametrize(
    "request_of",
    [
        {"json": {"TokensUsed": 5}},
        {"json": {"tokensUsed": "5", "companyId": ACME.replace("-", "")}},
        {"json": {"TOKENSUSED": 5, "CompanyId": None}},
        {"data": {"tokensUsed": "5"}},
        {
            "data": XML_REPORT % (DTO[1:-1], ACME.upper()),
            "headers": {"Content-Type": "application/xml", "Accept": JSON},
        },
        {"data": "TokensUsed\r\n5\r\n", "headers": {"Content-Type": "text/csv", "Accept": JSON}},
        {"data": "{TokensUsed:5}", "headers": {"Content-Type": "application/jsv", "Accept": JSON}},
        {"params": {"TokensUsed": "5", "CompanyId": ACME}},
        {"params": {"tokensUsed": "5"}, "json": {"TokensUsed": 5}},
        {"params": {"CompanyId": f"{{{ACME}}}"}, "json": {"TokensUsed": 5, "companyId": ACME}},
    ],
    ids=str,
)
async def test_a_report_in_each_format(edge: Edge, route: str, request_of: dict[str, Any]) -> None:
    """A report moves the company's window by what it says and answers the updated usage, 200."""
    before = await usage(edge.client)
    after = await usage(edge.client, "POST", route, **request_of)
    assert after == {**before, "TokensUsed": before["TokensUsed"] + 5, "TokensRemaining": before["TokensRemaining"] - 5}
    assert await usage(edge.client) == after


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        (f"{ROUTE}.xml", {}),
        (f"{ROUTE}?format=xml", {"Accept": "application/json"}),
        ("/xml/reply/GetAiChatUsage", {}),
        ("/api/GetAiChatUsage.xml", {"Accept": "text/csv"}),
        (ROUTE, {"Accept": "application/xml"}),
        (ROUTE, {"Accept": "*/*", "Content-Type": "application/xml"}),
    ],
)
async def test_usage_as_xml(edge: Edge, target: str, headers: dict[str, str]) -> None:
    """XML by every way of asking for it, as .NET's serializer reads it: alphabetical."""
    answer, text = await ask(edge.client, "GET", target, headers=headers)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/xml")
    root = fromstring(text)
    assert root.tag == f"{DTO}AiChatUsageResponse"
    assert [member.tag for member in root] == [DTO + name for name in sorted(MEMBERS)]
    assert root.findtext(f"{DTO}CompanyId") == ACME
    assert root.findtext(f"{DTO}IsWithinBudget") == "true"


@pytest.mark.parametrize(
    ("target", "accept", "name"),
    [
        (f"{ROUTE}.csv", "*/*", "GetAiChatUsage"),
        ("/csv/reply/GetAiChatUsage", "application/json", "GetAiChatUsage"),
        (ROUTE, "text/csv", "GetAiChatUsage"),
        ("/api/RecordAiChatUsage.csv?TokensUsed=0", "*/*", "RecordAiChatUsage"),
    ],
)
async def test_usage_as_csv(edge: Edge, target: str, accept: str, name: str) -> None:
    """CSV is a file with a header and a row."""
    method = "POST" if "Record" in target else "GET"
    answer, text = await ask(edge.client, method, target, headers={"Accept": accept})
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/csv")
    assert answer.headers["Content-Disposition"] == f"attachment;filename={name}.csv"
    header, row = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert header == [*MEMBERS, "ResponseStatus"]
    assert (row[0], row[2], *row[4:]) == (ACME, "1000000", "True", "30", "")


@pytest.mark.parametrize("target", [f"{ROUTE}.jsv", f"{ROUTE}?format=jsv", "/jsv/reply/GetAiChatUsage"])
async def test_usage_as_jsv(edge: Edge, target: str) -> None:
    """JSV has JSON's members without its quotes."""
    answer, text = await ask(edge.client, "GET", target)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/jsv")
    assert text.startswith(f"{{CompanyId:{ACME},TokensUsed:")


@pytest.mark.parametrize("config", ["eccn", "EmitCamelCaseNames"])
async def test_camel_case_on_request(edge: Edge, config: str) -> None:
    """`?jsconfig=` turns the names of answers and of errors; it is what clients with camelCase types bind."""
    body = await usage(edge.client, target=f"{ROUTE}?jsconfig={config}")
    assert tuple(body) == tuple(name[0].lower() + name[1:] for name in MEMBERS)
    _, text = await ask(edge.client, "POST", f"{ROUTE}?jsconfig={config}", json={})
    status = json.loads(text)["responseStatus"]
    assert (status["errorCode"], status["errors"][0]["fieldName"]) == ("NotNull", "TokensUsed")


# ---------------------------------------------------------------- who


@pytest.mark.parametrize("key", [ADA_KEY, BOB_KEY, BACKEND_KEY, BOSS_KEY, ROBOT_KEY])
async def test_every_key_of_a_company_reads_and_reports(edge: Edge, key: str) -> None:
    """User, service and company admin alike; for their own company."""
    before = await usage(edge.client, headers=bearer(key))
    after = await usage(edge.client, "POST", json={"TokensUsed": 1, "CompanyId": ACME}, headers=bearer(key))
    assert after["TokensUsed"] == before["TokensUsed"] + 1


@pytest.mark.parametrize("name", ["x-api-key", "X-API-Key", "Authorization"])
async def test_a_key_travels_in_several_ways(edge: Edge, name: str) -> None:
    """`x-api-key` and `Token` are as good as `Bearer`."""
    headers = {"Authorization": None} | {name: f"Token {ADA_KEY}" if name == "Authorization" else ADA_KEY}
    assert (await usage(edge.client, headers=headers))["CompanyId"] == ACME


@pytest.mark.parametrize(
    "headers", [{"Authorization": None}, bearer("x" * 20), bearer(OLD_KEY), {"Authorization": "Basic eA=="}]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_without_a_key_there_is_nothing(edge: Edge, method: str, headers: dict[str, str]) -> None:
    """No key and every wrong one end in the same 401, before anything else of the request is looked at."""
    async with edge.untouched():
        for target in (ROUTE, f"{ROUTE}?CompanyId=nonsense"):
            status, told = await refused(edge.client, method, target, headers=headers)
            assert (status, told) == (401, {"ErrorCode": "Unauthorized", "Message": "Not Authenticated"})


@pytest.mark.parametrize("company", [OTHER, NOBODY, OTHER.upper(), OTHER.replace("-", ""), f"{{{OTHER}}}", "0" * 32])
@pytest.mark.parametrize("key", [ADA_KEY, BACKEND_KEY, BOSS_KEY, ROBOT_KEY])
async def test_another_company_is_as_good_as_none(edge: Edge, key: str, company: str) -> None:
    """A company that is there and one that is not are refused alike, in query and body, and nothing is charged."""
    before = await usage(edge.client, headers=bearer(OTHER_KEY))
    said = set()
    async with edge.untouched():
        for method, request in (
            ("GET", {"params": {"CompanyId": company}}),
            ("POST", {"params": {"companyid": company}, "json": {"TokensUsed": 1}}),
            ("POST", {"json": {"TokensUsed": 1, "CompanyId": company}}),
        ):
            status, told = await refused(edge.client, method, ROUTE, headers=bearer(key), **request)
            assert (status, told["ErrorCode"]) == (403, "Forbidden")
            said.add(told["Message"])
    assert said == {"This key may not read this company's usage.", "This key may not record usage for this company."}
    assert await usage(edge.client, headers=bearer(OTHER_KEY)) == before


async def test_an_admin_reads_and_reports_any_company(edge: Edge) -> None:
    """An admin names the company; one that is not there is 404, none at all is 400."""
    headers = bearer(ADMIN_KEY)
    before = await usage(edge.client, params={"CompanyId": OTHER}, headers=headers)
    assert (before["CompanyId"], before["TokenLimit"], before["WindowDays"]) == (OTHER, 1000, 7)
    async with edge.untouched():
        after = await usage(edge.client, "POST", json={"CompanyId": OTHER, "TokensUsed": 7}, headers=headers)
    assert after["TokensUsed"] == before["TokensUsed"] + 7
    for method, body in (("GET", None), ("POST", {"TokensUsed": 1})):
        status, told = await refused(
            edge.client, method, ROUTE, params={"CompanyId": NOBODY}, json=body, headers=headers
        )
        assert (status, told["ErrorCode"], told["Errors"][0]["FieldName"]) == (404, "NotFound", "CompanyId")
        status, told = await refused(edge.client, method, ROUTE, json=body, headers=headers)
        assert (status, told["ErrorCode"], told["Errors"][0]["FieldName"]) == (400, "NotNull", "CompanyId")


async def test_a_report_may_go_over_the_limit(edge: Edge) -> None:
    """What was consumed is recorded, beyond the limit too: nothing remains, and calls are refused from then on."""
    headers = bearer(OTHER_KEY)
    full = await usage(edge.client, "POST", json={"TokensUsed": 5000}, headers=headers)
    assert full["TokensUsed"] >= 5000
    assert (full["TokensRemaining"], full["IsWithinBudget"]) == (0, False)
    async with edge.client.chat(headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (429, "budget_exceeded")


# ---------------------------------------------------------------- one truth


async def test_a_call_and_a_report_move_the_same_number(edge: Edge) -> None:
    """What a proxied call uses and what is reported meet in one window: this family's and `/v1/budget`'s."""
    start = (await usage(edge.client))["TokensUsed"]
    async with edge.client.chat("m:tokens-20") as answer:
        total = (await answer.json())["usage"]["total_tokens"]
    used, held = await edge.client.company()
    assert ((await usage(edge.client))["TokensUsed"], used, held) == (start + total, start + total, 0)
    reported = await usage(edge.client, "POST", json={"TokensUsed": 11})
    assert reported["TokensUsed"] == start + total + 11
    assert await edge.client.company() == (start + total + 11, 0)


async def test_a_report_moves_no_quota(edge: Edge) -> None:
    """A report is the company's: its reporter's day, week and month stay as they are."""
    before = await edge.client.budgets()
    await usage(edge.client, "POST", json={"TokensUsed": 13})
    after = await edge.client.budgets()
    quotas = [name for name in before if name != "company"]
    assert quotas
    assert [after[name]["used"] for name in quotas] == [before[name]["used"] for name in quotas]
    assert after["company"]["used"] == before["company"]["used"] + 13


async def reported_tokens(edge: Edge) -> tuple[int, int]:
    """Give requests and input tokens under the usage keys of reports, of whatever user and agent."""
    gateway = edge.client.app.gateway
    today = day_of(gateway.ledger.now_ms())
    found = [record async for record in days(gateway.store, ACME, today, today)]
    lines = [(record, key, counts) for record in found for key, counts in record.counts.items()]
    reports = [
        (record, counts) for record, key, counts in lines if (key.provider, key.purpose) == ("external", "report")
    ]
    assert all((record.user_id, record.agent_id) == (None, None) for record, _ in reports)
    return sum(counts.requests for _, counts in reports), sum(counts.input for _, counts in reports)


async def test_a_report_is_rolled_up_and_audited(edge: Edge) -> None:
    """It stands in the company's usage under a key of its own, and in the ledger's events with who sent it."""
    requests, tokens = await reported_tokens(edge)
    answer, _ = await ask(edge.client, "POST", ROUTE, json={"TokensUsed": 17})
    assert await reported_tokens(edge) == (requests + 1, tokens + 17)
    store = edge.client.app.gateway.store
    ((_, event),) = await store.execute("XREVRANGE", f"{prefix(ACME)}E", "+", "-", "COUNT", 1)
    told = {name.decode(): value.decode() for name, value in event.items()}
    assert (told["kind"], told["call"]) == ("reported", answer.headers["x-request-id"])
    assert told["who"].split("|")[::2] == [ACME, "ada"]
    assert told["charged"] == "company@30d=17"


async def test_a_reports_usage_key_has_five_bars() -> None:
    """The key of a report is a usage key like any other."""
    assert parse_usage_key("external|usage|sk-...abcd|||report").provider == "external"
