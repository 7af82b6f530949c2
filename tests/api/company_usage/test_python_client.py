"""The real `servicestack` client for Python, unchanged, in a thread of its own."""

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from servicestack import JsonServiceClient, WebServiceException

from tests.api.company_usage.calls import ROUTE, usage
from tests.api.company_usage.dtos import AiChatUsageResponse, GetAiChatUsage, RecordAiChatUsage
from tests.edge import Edge
from tests.gateways import ACME, ADA_KEY, ADMIN_KEY, OTHER

pytestmark = pytest.mark.asyncio(loop_scope="module")

CAMEL = {"jsconfig": "eccn"}


@pytest.fixture
def python(edge: Edge) -> Iterator[JsonServiceClient]:
    """Give a client with a user's key."""
    client = JsonServiceClient(edge.client.url).set_bearer_token(ADA_KEY)
    yield client
    client._session.close()


async def refusal(call: Callable[..., Any], *arguments: Any, **named: Any) -> WebServiceException:
    """Give the error that a call in a thread ends in."""
    with pytest.raises(WebServiceException) as caught:
        await asyncio.to_thread(call, *arguments, **named)
    return caught.value


@pytest.mark.parametrize("base_path", ["api", ""])
async def test_it_reads_and_records(edge: Edge, python: JsonServiceClient, base_path: str) -> None:
    """GET, POST and the verb of the type itself, under both base paths, bind into the generated types."""
    python.set_base_path(base_path)
    before = await usage(edge.client)
    read = await asyncio.to_thread(python.get, GetAiChatUsage(), args=CAMEL)
    assert read == AiChatUsageResponse(
        ACME, before["TokensUsed"], 1_000_000, before["TokensRemaining"], is_within_budget=True, window_days=30
    )
    sent = await asyncio.to_thread(python.post, RecordAiChatUsage(tokens_used=5), args=CAMEL)
    assert (sent.tokens_used, sent.tokens_remaining) == (read.tokens_used + 5, read.tokens_remaining - 5)
    assert await asyncio.to_thread(python.send, GetAiChatUsage(ACME), args=CAMEL) == sent
    again = await asyncio.to_thread(python.send, RecordAiChatUsage(ACME.upper(), 5), args=CAMEL)
    assert again.tokens_used == sent.tokens_used + 5


async def test_it_speaks_to_the_route_itself(python: JsonServiceClient) -> None:
    """Paths and suffixes given as such, with arguments in the query and a body of one's own."""
    read = await asyncio.to_thread(python.get_url, ROUTE, AiChatUsageResponse, args={"companyId": ACME, **CAMEL})
    sent = await asyncio.to_thread(
        python.post_url, ROUTE, RecordAiChatUsage(tokens_used=3), AiChatUsageResponse, args=CAMEL
    )
    assert sent.tokens_used == read.tokens_used + 3
    both = await asyncio.to_thread(python.post, RecordAiChatUsage(tokens_used=3), {"tokensUsed": 3}, args=CAMEL)
    assert both.tokens_used == sent.tokens_used + 3
    header, row = (await asyncio.to_thread(python.get_url, f"{ROUTE}.csv", str)).splitlines()
    assert header.startswith("CompanyId,TokensUsed")
    assert row.startswith(f"{ACME},{both.tokens_used},")


async def test_without_camel_case_its_types_stay_empty(python: JsonServiceClient) -> None:
    """By default names are PascalCase, which the generated Python types do not bind: the reason for `jsconfig`."""
    read = await asyncio.to_thread(python.get, GetAiChatUsage())
    assert (read.company_id, read.tokens_used) == (None, None)
    raw = await asyncio.to_thread(python.get_url, ROUTE, str)
    assert json.loads(raw)["CompanyId"] == ACME


@pytest.mark.parametrize(
    ("request_dto", "status", "code", "field"),
    [
        (RecordAiChatUsage(), 400, "NotNull", "TokensUsed"),
        (RecordAiChatUsage(tokens_used=-1), 400, "InclusiveBetween", "TokensUsed"),
        (RecordAiChatUsage("nonsense", 1), 400, "RequestBindingException", "CompanyId"),
        (RecordAiChatUsage(OTHER, 1), 403, "Forbidden", None),
        (GetAiChatUsage(OTHER), 403, "Forbidden", None),
        (GetAiChatUsage("nonsense"), 400, "RequestBindingException", "CompanyId"),
    ],
    ids=str,
)
async def test_its_errors_bind(
    python: JsonServiceClient, request_dto: Any, status: int, code: str, field: str | None
) -> None:
    """A refusal is a WebServiceException with the status, its code and the field at fault."""
    error = await refusal(python.send, request_dto, args=CAMEL)
    assert (error.status_code, error.response_status.error_code) == (status, code)
    assert error.response_status.message
    assert [one.field_name for one in error.response_status.errors or []] == ([field] if field else [])
    plain = await refusal(python.send, request_dto)
    assert (plain.status_code, plain.response_status) == (status, None)


async def test_a_wrong_key(python: JsonServiceClient) -> None:
    """401 is told as such, and the client does not look for a new token."""
    python.set_bearer_token("x" * 20)
    error = await refusal(python.get, GetAiChatUsage(), args=CAMEL)
    assert (error.status_code, error.response_status.error_code) == (401, "Unauthorized")
    assert error.response_status.message == "Not Authenticated"


async def test_an_admins_404(python: JsonServiceClient) -> None:
    """A company that is not there is told to those who may see all."""
    python.set_bearer_token(ADMIN_KEY)
    error = await refusal(python.get, GetAiChatUsage(str(uuid.uuid4())), args=CAMEL)
    assert (error.status_code, error.response_status.error_code) == (404, "NotFound")
    assert (await asyncio.to_thread(python.get, GetAiChatUsage(OTHER), args=CAMEL)).company_id == OTHER


async def test_a_batch_is_not_served(python: JsonServiceClient) -> None:
    """Several requests in one are 404, whole: nothing of them is charged."""
    before = await asyncio.to_thread(python.get, GetAiChatUsage(), args=CAMEL)
    error = await refusal(python.send_all, [RecordAiChatUsage(tokens_used=1), RecordAiChatUsage(tokens_used=2)])
    assert error.status_code == 404
    assert await asyncio.to_thread(python.get, GetAiChatUsage(), args=CAMEL) == before
