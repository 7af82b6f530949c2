"""Bodies over HTTP: a wrong one is told what is wrong with it, costs nothing and goes nowhere."""

import json
from typing import Any

import pytest

from tests.app.bodies import CHAT, HELLO, ROWS, UNREADABLE, VALID, body_of
from tests.edge import Edge
from tests.wire import LAST, request

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=list(UNREADABLE))
async def test_a_body_that_is_no_json_object_is_refused(edge: Edge, body: bytes) -> None:
    """What two readers could read differently, or not at all, is 400 `invalid_json`."""
    async with edge.untouched():
        (reply,) = await edge.talk(request("POST", CHAT, LAST, body=body))
        assert (reply.status, reply.error["param"], reply.error["code"]) == (400, None, "invalid_json")
        assert reply.error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("path", "fields", "param", "code"), ROWS, ids=[f"{path[4:]} {str(fields)[:60]}" for path, fields, *_ in ROWS]
)
async def test_a_wrong_field_is_named(edge: Edge, path: str, fields: dict[str, Any], param: str, code: str) -> None:
    """A field that metering needs has its type and range, or the answer names it; nothing is charged or sent."""
    async with edge.untouched(), edge.client.post(path, body_of(path, fields)) as answer:
        error = (await answer.json())["error"]
        assert (answer.status, error["type"]) == (400, "invalid_request_error")
        assert (error["param"], error["code"]) == (param, code)
        assert param in error["message"]


@pytest.mark.parametrize("path", list(VALID))
@pytest.mark.parametrize("field", ["stream", "stream_options", "n", "max_tokens", "tools", "user", "api_base"])
async def test_null_is_as_absent(edge: Edge, path: str, field: str) -> None:
    """SDKs send null for what was not given."""
    async with edge.client.post(path, body_of(path, {field: None})) as answer:
        assert answer.status == 200


ODD = [0, 1.5, "x", True, [], [1], [None], [{}], {"a": 1}, {"type": "json_schema", "json_schema": {"schema": 1}}]
FOREIGN = {
    "/v1/completions": ("messages", "input", "tool_choice", "response_format", "echo", "suffix"),
    "/v1/embeddings": ("messages", "prompt", "functions", "dimensions", "encoding_format"),
    CHAT: ("prompt", "input", "functions", "response_format", "prediction", "modalities", "logit_bias", "reasoning"),
}


@pytest.mark.parametrize(("path", "field"), [(path, field) for path, fields in FOREIGN.items() for field in fields])
async def test_a_field_that_metering_does_not_need_is_the_provider_s_matter(edge: Edge, path: str, field: str) -> None:
    """A field that an endpoint does not have, or of any type, is passed on: the gateway itself never stumbles."""
    for value in ODD:
        await edge.far.reset()
        async with edge.client.post(path, body_of(path, {field: value, "model": "m:status-418"})) as answer:
            assert answer.status in {400, 418}
        assert answer.status == 400 or json.loads((await edge.asked())[0]["body"])[field] == value


async def test_a_field_unknown_to_the_gateway_passes(edge: Edge) -> None:
    """What providers add tomorrow works today, whatever it holds: only what was read is read."""
    extras = {"x_new": {"deep": [1, 2.5, None, "é\u2028", {"a": -(10**30)}]}, "seed": 2**63, "temperature": 1e-7}
    await edge.far.reset()
    async with edge.client.post(CHAT, VALID[CHAT] | extras) as answer:
        assert answer.status == 200
    (asked,) = await edge.asked()
    sent = json.loads(asked["body"])
    assert {name: sent[name] for name in extras} == extras


async def test_a_hundred_levels_are_enough_for_anybody(edge: Edge) -> None:
    """The deepest body that is taken has 100 levels."""
    (reply,) = await edge.talk(request("POST", CHAT, LAST, body=HELLO[:-1] + b',"x":' + b"[" * 99 + b"]" * 99 + b"}"))
    assert reply.status == 200


@pytest.mark.parametrize(
    ("key", "model", "status", "code"),
    [
        ("other-key-0123456789", "gpt-4o", 404, "model_not_found"),
        ("other-key-0123456789", "far/gpt-4o", 404, "model_not_found"),
        ("ada-key-0123456789", "off/nothing", 404, "model_not_found"),
        ("ada-key-0123456789", "off-model", 503, "provider_off"),
        ("ada-key-0123456789", "off/off-model", 503, "provider_off"),
    ],
)
async def test_a_model_that_cannot_be_had(edge: Edge, key: str, model: str, status: int, code: str) -> None:
    """Unknown and not allowed are the same 404; one whose provider is off is 503, and never served by another."""
    async with edge.untouched(), edge.client.chat(model, headers={"Authorization": f"Bearer {key}"}) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (status, code)
