"""`GET /v1/models` and `GET /v1/models/{id}`, in the shape and for the models of the SDK that asks."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.edge import KEYS, MODELS, USERS, Edge, edge_running
from tests.gateways import ADA_KEY, ADMIN_KEY, BOB, OTHER_KEY, Limits
from tests.wire import LAST, Reply, request

pytestmark = pytest.mark.asyncio(loop_scope="module")

SLASHED = "m:listed/with-a-slash"


async def get(edge: Edge, target: str, key: str | None = ADA_KEY) -> Reply:
    """Ask for a target as it is written."""
    (reply,) = await edge.talk(request("GET", target, LAST, key=key))
    return reply


def model(name: str) -> dict[str, object]:
    """Give a model of the far end as it is shown."""
    return {"id": name, "object": "model", "created": 0, "owned_by": "far"}


@pytest.mark.parametrize(
    ("key", "names"), [(ADA_KEY, ["listed", SLASHED]), (OTHER_KEY, [SLASHED]), (ADMIN_KEY, ["listed", SLASHED])]
)
async def test_the_list_holds_what_the_key_may_use(edge: Edge, key: str, names: list[str]) -> None:
    """Every exact name of a provider that is on, in the file's order; patterns have no names to show."""
    reply = await get(edge, "/v1/models", key)
    assert (reply.status, reply.json) == (200, {"object": "list", "data": [model(name) for name in names]})


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("listed", "listed"),
        ("far/listed", "far/listed"),
        ("far%2Flisted", "far/listed"),
        ("far%2flisted", "far/listed"),
        (SLASHED, SLASHED),
        ("m%3Alisted%2Fwith-a-slash", SLASHED),
        (f"far/{SLASHED}", f"far/{SLASHED}"),
        ("behind-the-star", "behind-the-star"),
        ("listed?anything=else", "listed"),
    ],
)
async def test_one_model_is_shown_under_the_name_it_was_asked_by(edge: Edge, target: str, name: str) -> None:
    """Listed or behind a pattern, plain or with its provider, with a slash or `%2F`."""
    reply = await get(edge, f"/v1/models/{target}")
    assert (reply.status, reply.json) == (200, model(name))


@pytest.mark.parametrize("target", ["listed", "behind-the-star", "far/listed"])
async def test_a_model_that_the_key_may_not_use_does_not_exist(edge: Edge, target: str) -> None:
    """404 `model_not_found`, the same as for one that nobody lists."""
    reply = await get(edge, f"/v1/models/{target}", OTHER_KEY)
    assert (reply.status, reply.error["code"], reply.error["param"]) == (404, "model_not_found", "model")


async def test_a_provider_has_only_what_it_lists(edge: Edge) -> None:
    """`provider/model` asks that provider alone."""
    assert (await get(edge, "/v1/models/off/listed")).error["code"] == "model_not_found"


@pytest.mark.parametrize("target", ["off-model", "off/off-model", "off%2Foff-model"])
async def test_a_model_of_a_provider_that_is_off(edge: Edge, target: str) -> None:
    """503 `provider_off`, never another provider's `*`; and the list leaves it out."""
    reply = await get(edge, f"/v1/models/{target}")
    assert (reply.status, reply.error["code"]) == (503, "provider_off")
    assert "`off`" in reply.error["message"]


async def test_models_are_for_those_with_a_key(edge: Edge) -> None:
    """Without one 401; with `X-Gateway-User` only for a key that may."""
    for target in ("/v1/models", "/v1/models/listed", "/v1/models/nothing"):
        assert (await get(edge, target, key=None)).status == 401
    async with edge.client.get("/v1/models", **{"X-Gateway-User": BOB}) as answer:
        assert answer.status == 403


async def test_asking_for_models_reaches_no_provider(edge: Edge) -> None:
    """The list is the configuration's; nothing is asked upstream, nothing is charged."""
    async with edge.untouched():
        await get(edge, "/v1/models")
        await get(edge, "/v1/models/behind-the-star")


CLAUDE = "  claude: {dialect: anthropic, base_url: http://127.0.0.1:1, api_key: k, models: {%s}}"
LISTED = 'claude-one: {max_output_tokens: 9}, "claude-*": {}, listed: {}'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def both(
    valkey_url: str, far_address: tuple[int, int], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Edge]:
    """Give a gateway with a provider of each language."""
    limits = Limits(models=MODELS, providers=CLAUDE % LISTED, keys=KEYS, users=USERS)
    async with edge_running(valkey_url, far_address, tmp_path_factory.mktemp("both"), limits) as running:
        yield running


def claude(name: str, most: int | None = None) -> dict[str, object]:
    """Give a model as Anthropic's SDK reads it."""
    return {
        "type": "model",
        "id": name,
        "display_name": name,
        "created_at": "1970-01-01T00:00:00Z",
        "lifecycle": "active",
        "max_tokens": most,
    }


@pytest.mark.parametrize("headers", [{"anthropic-version": "2023-06-01"}, {"x-api-key": ADA_KEY}])
async def test_each_sdk_is_shown_what_it_can_call(both: Edge, headers: dict[str, str]) -> None:
    """Anthropic's by its headers; a model that both languages have is in both lists."""
    async with both.client.get("/v1/models", **headers) as answer:
        assert await answer.json() == {
            "data": [claude("claude-one", 9), claude("listed")],
            "has_more": False,
            "first_id": "claude-one",
            "last_id": "listed",
        }
    async with both.client.get("/v1/models") as answer:
        assert [one["id"] for one in (await answer.json())["data"]] == ["listed", SLASHED]


async def test_one_model_in_each_language(both: Edge) -> None:
    """Found where it can be called, and nowhere else; errors are told in the same language."""
    version = {"anthropic-version": "2023-06-01"}
    async with both.client.get("/v1/models/claude-two", **version) as answer:
        assert await answer.json() == claude("claude-two")
    async with both.client.get(f"/v1/models/{SLASHED}", **version) as answer:
        assert (answer.status, (await answer.json())["error"]["type"]) == (404, "not_found_error")
        assert answer.headers["request-id"] == answer.headers["x-request-id"]
    async with both.client.get("/v1/models/claude-one") as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (404, "model_not_found")


async def test_a_list_of_none(edge: Edge) -> None:
    """Where no provider speaks the language that asks, there is nothing to call in it."""
    async with edge.client.get("/v1/models", **{"anthropic-version": "2023-06-01"}) as answer:
        assert await answer.json() == {"data": [], "has_more": False, "first_id": None, "last_id": None}
