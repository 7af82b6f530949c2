"""What is malformed, over HTTP: a clear error in this family's shape and format, and nothing charged."""

import csv
import io
import json
from typing import Any

import pytest
from defusedxml.ElementTree import fromstring

from tests.api.company_usage.calls import GET_ROUTES, RECORD_ROUTES, ROUTE, ask, refused, usage
from tests.edge import Edge
from tests.gateways import ACME, OTHER
from tests.wire import LAST, request

pytestmark = pytest.mark.asyncio(loop_scope="module")

DTO = "{http://schemas.datacontract.org/2004/07/BokaMera.API.ServiceModel.Dtos}"
TYPES = "{http://schemas.servicestack.net/types}"
XML = "application/xml"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ("{}", "NotNull", "TokensUsed"),
        ("", "NotNull", "TokensUsed"),
        ('{"TokensUsed":null}', "NotNull", "TokensUsed"),
        ('{"TokensUsed":""}', "NotNull", "TokensUsed"),
        ('{"TokensUsed":-1}', "InclusiveBetween", "TokensUsed"),
        ('{"TokensUsed":1000000001}', "InclusiveBetween", "TokensUsed"),
        ('{"TokensUsed":2147483648}', "InclusiveBetween", "TokensUsed"),
        ('{"TokensUsed":9223372036854775807}', "InclusiveBetween", "TokensUsed"),
        ('{"TokensUsed":9223372036854775808}', "InclusiveBetween", "TokensUsed"),
        ('{"TokensUsed":-9223372036854775809}', "InclusiveBetween", "TokensUsed"),
        ('{"TokensUsed":18446744073709551616}', "InclusiveBetween", "TokensUsed"),
        ('{"TokensUsed":1.5}', "RequestBindingException", "TokensUsed"),
        ('{"TokensUsed":1.0}', "RequestBindingException", "TokensUsed"),
        ('{"TokensUsed":1e3}', "RequestBindingException", "TokensUsed"),
        ('{"TokensUsed":1e400}', "SerializationException", None),
        ('{"TokensUsed":-1e400}', "SerializationException", None),
        ('{"TokensUsed":NaN}', "SerializationException", None),
        ('{"TokensUsed":true}', "RequestBindingException", "TokensUsed"),
        ('{"TokensUsed":"ten"}', "RequestBindingException", "TokensUsed"),
        ('{"TokensUsed":[1]}', "RequestBindingException", "TokensUsed"),
        ('{"TokensUsed":{"a":1}}', "RequestBindingException", "TokensUsed"),
        (f'{{"TokensUsed":{"9" * 5000}}}', "SerializationException", None),
        ('{"TokensUsed":1,"CompanyId":"acme"}', "RequestBindingException", "CompanyId"),
        ('{"TokensUsed":1,"CompanyId":1}', "RequestBindingException", "CompanyId"),
        (f'{{"TokensUsed":1,"CompanyId":"{ACME}x"}}', "RequestBindingException", "CompanyId"),
        (f'{{"TokensUsed":1,"CompanyId":"{ACME}","companyId":"{OTHER}"}}', "RequestBindingException", "CompanyId"),
        ('{"TokensUsed":1', "SerializationException", None),
        ("[]", "SerializationException", None),
        ("[" * 20_000, "SerializationException", None),
        ("\ud83d", "SerializationException", None),
    ],
)
@pytest.mark.parametrize("route", RECORD_ROUTES)
async def test_a_wrong_report(edge: Edge, route: str, body: str, code: str, field: str | None) -> None:
    """400 with the field where one is at fault; nothing is charged."""
    data = body.encode("utf-8", "surrogatepass")
    async with edge.untouched():
        status, told = await refused(
            edge.client, "POST", route, data=data, headers={"Content-Type": "application/json"}
        )
    assert (status, told["ErrorCode"]) == (400, code)
    assert told.get("Errors", [{}])[0].get("FieldName") == field
    assert told["Message"]
    assert "StackTrace" not in told


@pytest.mark.parametrize(
    "query",
    [
        "CompanyId=x",
        "CompanyId=%00",
        "CompanyId=%ff%fe",
        f"CompanyId={ACME}&CompanyId={OTHER}",
        f"CompanyId={ACME}&companyid=x",
        f"CompanyId={ACME}%20or%201=1",
        f"CompanyId=={ACME}",
        "CompanyId=" + "a" * 4000,
    ],
)
@pytest.mark.parametrize("route", GET_ROUTES)
async def test_a_wrong_company(edge: Edge, route: str, query: str) -> None:
    """What is no GUID, and two that differ, are 400 and named; long and unprintable text is not repeated."""
    (reply,) = await edge.talk(request("GET", f"{route}?{query}", LAST))
    told = json.loads(reply.body)["ResponseStatus"]
    assert (reply.status, told["ErrorCode"]) == (400, "RequestBindingException")
    assert told["Errors"][0]["FieldName"] == "CompanyId"
    assert told["Message"].isprintable()
    assert len(told["Message"]) < 120


async def test_a_company_may_be_repeated(edge: Edge) -> None:
    """The same company in several spellings is one company; other parameters do not matter."""
    target = f"{ROUTE}?CompanyId={ACME}&companyid={ACME.upper()}&COMPANYID=%7B{ACME}%7D&x=1&x=2&CompanyId="
    assert (await usage(edge.client, target=target))["CompanyId"] == ACME


HOSTILE_XML = {
    "a document type": "<!DOCTYPE x><RecordAiChatUsage><TokensUsed>1</TokensUsed></RecordAiChatUsage>",
    "an external entity": '<!DOCTYPE x [<!ENTITY e SYSTEM "http://127.0.0.1:1/e">]><RecordAiChatUsage>&e;</RecordAiChatUsage>',
    "a bomb": '<!DOCTYPE x [<!ENTITY a "1"><!ENTITY b "&a;&a;">]><RecordAiChatUsage>&b;</RecordAiChatUsage>',
    "depth": "<a>" * 20_000,
    "no root": "1",
    "another root": "<GetAiChatUsage><TokensUsed>1</TokensUsed></GetAiChatUsage>",
}


@pytest.mark.parametrize("text", HOSTILE_XML.values(), ids=HOSTILE_XML)
async def test_hostile_xml(edge: Edge, text: str) -> None:
    """It is refused unread, in XML."""
    async with edge.untouched():
        answer, told = await ask(edge.client, "POST", ROUTE, data=text, headers={"Content-Type": XML})
    assert (answer.status, answer.headers["Content-Type"]) == (400, XML)
    assert fromstring(told).findtext(f"{DTO}ResponseStatus/{TYPES}ErrorCode") == "SerializationException"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("<a>" * 100_000, XML),
        (b" " * 65_537, "application/json"),
        (b"[" * 100_000, "application/json"),
        ("TokensUsed=1" + "&x=1" * 20_000, "application/x-www-form-urlencoded"),
    ],
    ids=["xml", "spaces", "json", "form"],
)
async def test_a_body_that_is_too_large(edge: Edge, data: str | bytes, kind: str) -> None:
    """Two fields need no 64 KiB: 413, whatever the format."""
    async with edge.untouched():
        headers = {"Content-Type": kind, "Accept": "application/json"}
        status, told = await refused(edge.client, "POST", ROUTE, data=data, headers=headers)
    assert (status, told["ErrorCode"]) == (413, "RequestEntityTooLarge")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
    ids=str,
)
async def test_a_type_that_is_not_taken(edge: Edge, headers: dict[str, str]) -> None:
    """Other types, charsets and content encodings are 415 and named."""
    async with edge.untouched():
        status, told = await refused(edge.client, "POST", ROUTE, data=b'{"TokensUsed":1}', headers=headers)
    assert (status, told["ErrorCode"]) == (415, "UnsupportedMediaType")
    assert told["Errors"][0]["FieldName"].startswith("Content-")


@pytest.mark.parametrize("text", [b'{"TokensUsed":1}'.decode(), "<RecordAiChatUsage/>"])
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
async def test_text_that_is_not_utf_8(edge: Edge, text: str, encoding: str) -> None:
    """UTF-16 under a type that says nothing of it is 400."""
    async with edge.untouched():
        headers = {"Content-Type": XML if text.startswith("<") else "application/json", "Accept": "application/json"}
        status, told = await refused(edge.client, "POST", ROUTE, data=text.encode(encoding), headers=headers)
    assert (status, told["ErrorCode"]) == (400, "SerializationException")


@pytest.mark.parametrize(
    ("prefix", "body"),
    [
        ("json", b'{"TokensUsed":1}'),
        ("xml", b"<RecordAiChatUsage><TokensUsed>1</TokensUsed></RecordAiChatUsage>"),
        ("csv", b"TokensUsed\n1"),
        ("jsv", b"{TokensUsed:1}"),
    ],
)
async def test_a_body_without_a_type_has_its_routes(edge: Edge, prefix: str, body: bytes) -> None:
    """Where no type is sent, a pre-defined route says what the body is."""
    before = await usage(edge.client)
    lines = (f"Content-Length: {len(body)}", LAST)
    (reply,) = await edge.talk(request("POST", f"/{prefix}/reply/RecordAiChatUsage?format=json", *lines) + body)
    assert (reply.status, json.loads(reply.body)["TokensUsed"]) == (200, before["TokensUsed"] + 1)


# ---------------------------------------------------------------- errors in the format that was asked for


@pytest.mark.parametrize("target", [f"{ROUTE}.xml", "/xml/reply/RecordAiChatUsage", f"{ROUTE}?format=xml"])
async def test_an_error_as_xml(edge: Edge, target: str) -> None:
    """The field at fault stands in `Errors`, in ServiceStack's own namespace."""
    answer, text = await ask(edge.client, "POST", target, json={})
    assert (answer.status, answer.headers["Content-Type"]) == (400, XML)
    status = fromstring(text).find(f"{DTO}ResponseStatus")
    assert status.findtext(f"{TYPES}Errors/{TYPES}ResponseError/{TYPES}FieldName") == "TokensUsed"


async def test_an_error_as_csv(edge: Edge) -> None:
    """The same columns as a success, the status in its own; no file to save."""
    answer, text = await ask(edge.client, "GET", f"{ROUTE}.csv", headers={"Authorization": None})
    assert (answer.status, answer.headers["Content-Type"]) == (401, "text/csv")
    assert "Content-Disposition" not in answer.headers
    header, row = csv.reader(io.StringIO(text, newline=""), strict=True)
    assert len(header) == len(row)
    assert row[-1] == "{ErrorCode:Unauthorized,Message:Not Authenticated}"


@pytest.mark.parametrize(
    ("method", "target", "allow"),
    [
        ("GET", "/api/RecordAiChatUsage", "POST"),
        ("GET", "/json/reply/RecordAiChatUsage?TokensUsed=1", "POST"),
        ("PUT", ROUTE, "GET, POST"),
        ("DELETE", f"{ROUTE}.json", "GET, POST"),
        ("PATCH", "/api/GetAiChatUsage", "GET, POST"),
    ],
)
async def test_a_wrong_verb(edge: Edge, method: str, target: str, allow: str) -> None:
    """405 in this family's shape; a read never records."""
    async with edge.untouched():
        answer, text = await ask(edge.client, method, target)
    assert (answer.status, answer.headers["Allow"]) == (405, allow)
    assert json.loads(text)["ResponseStatus"]["ErrorCode"] == "MethodNotAllowed"


@pytest.mark.parametrize(
    "target",
    [
        f"{ROUTE}/",
        f"{ROUTE}.html",
        f"{ROUTE}.json.xml",
        f"{ROUTE}%00",
        "/Assistant/ai-chat/usage",
        "/assistant//ai-chat/usage",
        "/assistant/ai-chat/us%61ge",
        "/assistant/ai-chat/usage%252Exml",
        "/assistant/ai-chat/usages",
        "/api/getaichatusage",
        "/api/GetAiChatUsage/x",
        "/api/RecordAiChatUsage[]",
        "/api/RecordAiChatUsage%5B%5D",
        "/api/{suffix}",
        "/html/reply/GetAiChatUsage",
        "/json/oneway/RecordAiChatUsage",
        "/json/reply/",
        "/json/reply",
        "/json/../json/reply/GetAiChatUsage",
    ],
)
async def test_what_is_no_route(edge: Edge, target: str) -> None:
    """Paths are compared as they were sent; batches and one-way sends are not served."""
    async with edge.untouched():
        for method in ("GET", "POST"):
            (reply,) = await edge.talk(request(method, target, LAST, body=None))
            assert reply.status == 404


# ---------------------------------------------------------------- the idempotency key itself


@pytest.mark.parametrize("lines", [("",), (" ",), ("x" * 256,), ("a", "a"), ("a", "b")], ids=lambda one: str(one)[:20])
async def test_a_wrong_idempotency_key(edge: Edge, lines: tuple[str, ...]) -> None:
    """It is sent once, with 1 to 255 characters."""
    async with edge.untouched():
        headers: list[Any] = [f"Idempotency-Key: {line}" for line in lines]
        (reply,) = await edge.talk(request("POST", ROUTE, *headers, LAST, body=b'{"TokensUsed":1}'))
    told = json.loads(reply.body)["ResponseStatus"]
    assert (reply.status, told["ErrorCode"], told["Errors"][0]["FieldName"]) == (400, "BadRequest", "Idempotency-Key")
