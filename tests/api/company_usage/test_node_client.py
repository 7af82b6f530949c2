"""The real `@servicestack/client` for Node, unchanged, in a process of its own."""

from pathlib import Path
from typing import Any

import pytest

from tests.api.company_usage.calls import ROUTE, usage
from tests.edge import Edge
from tests.gateways import ACME, ADA_KEY, ADMIN_KEY, OTHER
from tests.node_clients import NodeClients

pytestmark = pytest.mark.asyncio(loop_scope="module")

SCRIPT = Path(__file__).with_name("node_client.mjs")
CAMEL = {"jsconfig": "eccn"}
READ, RECORD = "GetAiChatUsage", "RecordAiChatUsage"
NOBODY = "44444444-4444-4444-8444-444444444444"


async def carried_out(edge: Edge, node_clients: NodeClients, *calls: dict[str, Any]) -> list[dict[str, Any]]:
    """Have the client carry out calls in order; give what each of them gave."""
    return await node_clients.run(SCRIPT, {"url": edge.client.url, "key": ADA_KEY, "calls": calls})


@pytest.mark.parametrize("base_path", ["api", ""])
async def test_it_reads_and_records(edge: Edge, node_clients: NodeClients, base_path: str) -> None:
    """`get`, `post`, `send` and `api`, in both base paths: PascalCase as its types have it, null members or not."""
    before = await usage(edge.client)
    answers = await carried_out(
        edge,
        node_clients,
        {"how": "get", "type": READ, "init": {}, "basePath": base_path},
        {"how": "post", "type": RECORD, "init": {"TokensUsed": 5}, "basePath": base_path},
        {"how": "api", "type": RECORD, "init": {"TokensUsed": 6, "CompanyId": None}, "basePath": base_path},
        {"how": "send", "type": READ, "init": {"CompanyId": ACME}, "basePath": base_path},
        {"how": "api", "type": READ, "init": {"CompanyId": ACME.upper()}, "basePath": base_path},
        {"how": "api", "type": READ, "isBare": True, "init": {}, "basePath": base_path},
    )
    assert [set(answer) for answer in answers] == [{"response"}] * len(answers), answers
    seen = [answer["response"] for answer in answers]
    assert seen[0] == before
    moves = [0, 5, 11, 11, 11, 11]
    assert [one["TokensUsed"] - before["TokensUsed"] for one in seen] == moves
    assert [before["TokensRemaining"] - one["TokensRemaining"] for one in seen] == moves
    assert (await usage(edge.client)) == seen[-1]


async def test_it_speaks_to_the_route_itself(edge: Edge, node_clients: NodeClients) -> None:
    """A path given as such, a request in the query beside a body of one's own, and camelCase names on request."""
    read, sent, both, camel = await carried_out(
        edge,
        node_clients,
        {"how": "getUrl", "route": ROUTE, "args": {"CompanyId": ACME}},
        {"how": "postToUrl", "route": ROUTE, "type": RECORD, "init": {"TokensUsed": 3}},
        {"how": "postBody", "type": RECORD, "init": {"TokensUsed": 3}, "body": {"TokensUsed": 3}},
        {"how": "get", "type": READ, "init": {}, "args": CAMEL},
    )
    assert sent["response"]["TokensUsed"] == read["response"]["TokensUsed"] + 3
    assert both["response"]["TokensUsed"] == sent["response"]["TokensUsed"] + 3
    assert camel["response"]["companyId"] == ACME
    assert camel["response"]["tokensUsed"] == both["response"]["TokensUsed"]


@pytest.mark.parametrize("args", [{}, CAMEL], ids=["PascalCase", "camelCase"])
async def test_its_errors_bind(edge: Edge, node_clients: NodeClients, args: dict[str, str]) -> None:
    """`api.errorCode` and the field at fault, whichever case the names have; `get` and `post` throw the same."""
    cases: list[tuple[dict[str, Any], str, str | None]] = [
        ({"type": RECORD, "init": {}}, "NotNull", "TokensUsed"),
        ({"type": RECORD, "init": {"TokensUsed": -1}}, "InclusiveBetween", "TokensUsed"),
        ({"type": RECORD, "init": {"TokensUsed": 1.5}}, "RequestBindingException", "TokensUsed"),
        ({"type": RECORD, "init": {"TokensUsed": 1, "CompanyId": OTHER}}, "Forbidden", None),
        ({"type": READ, "init": {"CompanyId": "nonsense"}}, "RequestBindingException", "CompanyId"),
        ({"type": READ, "init": {"CompanyId": OTHER}}, "Forbidden", None),
        ({"type": READ, "init": {}, "token": "x" * 20}, "Unauthorized", None),
        ({"type": RECORD, "init": {"TokensUsed": 1}, "token": "x" * 20}, "Unauthorized", None),
        ({"type": READ, "init": {"CompanyId": NOBODY}, "token": ADMIN_KEY}, "NotFound", "CompanyId"),
    ]
    async with edge.untouched():
        told = await carried_out(edge, node_clients, *({"how": "api", "args": args, **call} for call, _, _ in cases))
        methods = {READ: "get", RECORD: "post"}
        thrown = await carried_out(
            edge, node_clients, *({"how": methods[call["type"]], "args": args, **call} for call, _, _ in cases)
        )
    assert [(one["code"], one.get("field")) for one in told] == [(code, field) for _, code, field in cases]
    assert [one["thrown"]["errorCode"] for one in thrown] == [code for _, code, _ in cases]
    assert all(one["error"]["message"] for one in told)


async def test_batches_and_one_way_sends_are_not_served(edge: Edge, node_clients: NodeClients) -> None:
    """What the client can also send, and this family does not have, charges nothing."""
    async with edge.untouched():
        (answer,) = await carried_out(
            edge, node_clients, {"how": "publish", "type": RECORD, "init": {"TokensUsed": 1}, "basePath": ""}
        )
    assert answer["thrown"]["errorCode"]
