"""What the provider gets is our own encoding of what was metered, never the client's bytes."""

import json
from typing import Any

import pytest

from tests.app.bodies import CHAT, COMPLETIONS, EMBEDDINGS, VALID
from tests.edge import Edge
from tests.wire import LAST, request

pytestmark = pytest.mark.asyncio(loop_scope="module")

MESSAGES = '"messages":[{"role":"user","content":"Hello"}]'


async def sent(edge: Edge, body: bytes, path: str = CHAT) -> tuple[dict[str, Any], str]:
    """Make a call and give the body that reached the provider, decoded and as text."""
    await edge.far.reset()
    (reply,) = await edge.talk(request("POST", path, LAST, body=body))
    assert reply.status == 200, reply.body
    (asked,) = await edge.asked()
    return json.loads(asked["body"]), asked["body"]


async def changed(edge: Edge, path: str, **fields: Any) -> dict[str, Any]:
    """Give what the provider got of a valid body with these fields, without what was not changed."""
    body, _ = await sent(edge, json.dumps(VALID[path] | fields).encode(), path)
    return {name: value for name, value in body.items() if VALID[path].get(name, ...) != value}


@pytest.mark.parametrize(
    "body",
    [
        f'{{"model":"m:tokens-900","model":"m:tokens-2",{MESSAGES}}}',
        f'{{"model":"m:tokens-900",{MESSAGES},"mod\\u0065l":"m:tokens-2"}}',
        f'{{"\\u006dodel":"m:tokens-900",{MESSAGES},"model":"m:tokens-2"}}',
        f'{{"model":["no","name"],{MESSAGES},"model":"m:\\u0074okens-2"}}',
    ],
)
async def test_the_provider_sees_the_metered_model(edge: Edge, body: str) -> None:
    """Of a repeated key the last wins, escaped or not, and only that one is sent on."""
    decoded, text = await sent(edge, body.encode())
    assert (decoded["model"], text.count('"model":')) == ("m:tokens-2", 1)
    assert "tokens-900" not in text


async def test_repeated_keys_further_in_are_sent_once_too(edge: Edge) -> None:
    """Nothing that a provider could read otherwise is left, however deep it stands."""
    body = f'{{"model":"m:",{MESSAGES[:-2]},"content":"counted"}}],"max_tokens":9000,"max_tokens":3}}'
    decoded, text = await sent(edge, body.encode())
    assert (decoded["messages"], decoded["max_tokens"]) == ([{"role": "user", "content": "counted"}], 3)
    assert (text.count('"content"'), text.count('"max_tokens"')) == (1, 1)


async def test_a_body_is_encoded_anew(edge: Edge) -> None:
    """White space and escapes of the client do not pass; its values do."""
    _, text = await sent(edge, b'\r\n { "model" : "m:" ,\t"messages":[{"role":"user","content":"\\u00e9\\/"}] } \n')
    assert text.startswith('{"model":"m:","messages":[{"role":"user","content":"é/"}]')


async def test_a_provider_named_in_the_model_is_removed(edge: Edge) -> None:
    """`far/MODEL` is our way to say which provider; it knows the model by its own name."""
    assert (await sent(edge, f'{{"model":"far/m:",{MESSAGES}}}'.encode()))[0]["model"] == "m:"


@pytest.mark.parametrize(("first", "second"), [(3, 7), (7, 3)])
async def test_of_two_bounds_one_is_sent_the_one_that_was_held(edge: Edge, first: int, second: int) -> None:
    """The larger one is reserved for, and no provider may choose between two."""
    body = await changed(edge, CHAT, max_tokens=first, max_completion_tokens=second)
    assert sorted(body.values()) == [7]
    assert set(body) <= {"max_tokens", "max_completion_tokens"}


@pytest.mark.parametrize(
    ("metadata", "left"),
    [
        ({"purpose": "DT"}, None),
        ({"purpose": "DT", "ticket": "7"}, {"ticket": "7"}),
        ({"purpose": None, "ticket": "7"}, {"ticket": "7"}),
        ({"ticket": "7"}, {"ticket": "7"}),
    ],
)
async def test_our_own_metadata_ends_here(edge: Edge, metadata: dict[str, Any], left: dict[str, Any] | None) -> None:
    """The purpose is removed, and `metadata` with it where nothing else is in it."""
    assert (await changed(edge, CHAT, metadata=metadata, max_tokens=5)).get("metadata") == left


@pytest.mark.parametrize("options", [None, {}, {"include_usage": False}, {"include_usage": True, "x": 1}])
async def test_every_stream_is_asked_for_its_usage(edge: Edge, options: dict[str, Any] | None) -> None:
    """`include_usage` is forced; the client's other options stay."""
    await edge.far.reset()
    async with edge.client.chat(stream=True, stream_options=options) as answer:
        await answer.read()
    (asked,) = await edge.asked()
    assert json.loads(asked["body"])["stream_options"] == {**(options or {}), "include_usage": True}


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS, EMBEDDINGS])
async def test_the_upstream_path_is_the_table_s(edge: Edge, path: str) -> None:
    """The path is the base URL's and the endpoint's, byte for byte; nothing of the client's URL."""
    await edge.far.reset()
    (reply,) = await edge.talk(request("POST", f"{path}?key=1#x", LAST, body=json.dumps(VALID[path]).encode()))
    assert reply.status == 200
    (asked,) = await edge.asked()
    assert asked["path"] == path
