"""Azure on both sides: its SDK with the gateway as its endpoint, and its resources as the gateway's providers."""

import json
from collections.abc import Callable, Iterator
from uuid import uuid4

import openai
import pytest

from tests.end_to_end.serving import FarEnd, Served, configured, serving, used
from tests.end_to_end.test_sdk import HELLO, text
from tests.gateways import BACKEND_KEY, PROVIDER_SECRET, Limits

VERSION = "2024-10-21"
OWN_TOKENS = 2_000
BUDGETS = f"- {{name: own, scope: user, window: {{rolling_days: 30}}, limit: {OWN_TOKENS}}}"

Azure = Callable[[], openai.AzureOpenAI]


@pytest.fixture(scope="module")
def resources(far_end_process: FarEnd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve two Azure resources: one with dated paths, one with the v1 API; `openai` clients' models stand at `far`."""
    origin = far_end_process.base_url.removesuffix("/v1")
    account = {"dialect": "azure", "base_url": origin, "api_key": PROVIDER_SECRET}
    providers = {
        "dated": {**account, "api_version": VERSION, "models": {"m:tokens-5": {"reasoning": False}}},
        "v1": {**account, "models": {"m:tokens-6": {"reasoning": False}}},
        "old": {**account, "api_version": "2024-02-01", "models": {"m:tokens-4.deaf": {"reasoning": False}}},
    }
    directory = tmp_path_factory.mktemp("azure")
    path = configured(directory, far_end_process.base_url, Limits(budgets=BUDGETS), providers=providers)
    with serving(path) as served:
        yield served


@pytest.fixture
def azure(resources: Served) -> Iterator[openai.AzureOpenAI]:
    """Give Azure's official client, as a new user."""
    with openai.AzureOpenAI(
        azure_endpoint=resources.url,
        api_key=BACKEND_KEY,
        api_version="2099-01-01-preview",
        default_headers={"X-Gateway-User": str(uuid4())},
    ) as sdk:
        yield sdk


@pytest.fixture
def plain(resources: Served, azure: openai.AzureOpenAI) -> Iterator[openai.OpenAI]:
    """Give the plain client of the same user: the gateway's own paths, and the v1 API's, are as OpenAI's."""
    headers = {"X-Gateway-User": str(azure.default_headers["X-Gateway-User"])}
    with openai.OpenAI(base_url=resources.api, api_key=BACKEND_KEY, default_headers=headers) as sdk:
        yield sdk


def asked(far_end: FarEnd) -> list[str]:
    """Give the paths that the far end was asked."""
    return [entry["path"] for entry in far_end.log()]


def test_azures_client_chats(azure: openai.AzureOpenAI, plain: openai.OpenAI, far_end: FarEnd) -> None:
    """The deployment in the path is the model; the version that a client asks for is its own affair."""
    answer = azure.chat.completions.create(model="m:tokens-5", **HELLO)
    assert answer.choices[0].message.content == text(5)
    chunks = list(azure.chat.completions.create(model="m:tokens-5", stream=True, **HELLO))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == text(5)
    assert asked(far_end) == ["/openai/deployments/m:tokens-5/chat/completions"] * 2
    assert far_end.served_tokens() == used(plain, "own")


def test_azures_client_embeds(azure: openai.AzureOpenAI, plain: openai.OpenAI, far_end: FarEnd) -> None:
    """Also from a provider that is none of Azure's."""
    answer = azure.embeddings.create(model="m:tokens-1", input=["Hello there", "you"], dimensions=4)
    assert [one.embedding for one in answer.data] == [[1.0, 0.0, 0.0, 0.0]] * 2
    assert asked(far_end) == ["/v1/embeddings"]
    assert answer.usage.total_tokens == far_end.served_tokens() == used(plain, "own")


def test_azures_client_gets_responses(azure: openai.AzureOpenAI, plain: openai.OpenAI, far_end: FarEnd) -> None:
    """Responses have no deployment in their path: the body names the model."""
    assert azure.responses.create(model="m:tokens-5", input="Hello there").output_text == text(5)
    assert asked(far_end) == ["/openai/responses"]
    assert far_end.served_tokens() == used(plain, "own")


def test_azures_client_completes(azure: openai.AzureOpenAI, far_end: FarEnd) -> None:
    """Legacy completions have a deployment too."""
    assert azure.completions.create(model="m:tokens-5", prompt="Hello there").choices[0].text == text(5)
    assert asked(far_end) == ["/openai/deployments/m:tokens-5/completions"]


def test_a_bound_client_names_its_deployment_once(resources: Served, far_end: FarEnd) -> None:
    """A client of one deployment may say any model: the path wins."""
    headers = {"X-Gateway-User": str(uuid4())}
    with openai.AzureOpenAI(
        azure_endpoint=resources.url,
        azure_deployment="m:tokens-5",
        api_key=BACKEND_KEY,
        api_version=VERSION,
        default_headers=headers,
    ) as sdk:
        answer = sdk.chat.completions.create(model="whatever", **HELLO)
    assert answer.choices[0].message.content == text(5)
    assert far_end.body()["model"] == "m:tokens-5"


def test_the_v1_api_is_as_openais(resources: Served, plain: openai.OpenAI, far_end: FarEnd) -> None:
    """The plain client with the v1 API's base URL, and a resource that is asked so."""
    sdk = plain.with_options(base_url=f"{resources.url}/openai/v1/")
    assert sdk.chat.completions.create(model="m:tokens-6", **HELLO).choices[0].message.content == text(6)
    assert sdk.responses.create(model="m:tokens-6", input="Hello there").output_text == text(6)
    assert len(sdk.embeddings.create(model="m:tokens-6", input="Hello there").data) == 1
    assert asked(far_end) == [f"/openai/v1/{name}" for name in ("chat/completions", "responses", "embeddings")]
    assert far_end.served_tokens() == used(plain, "own")


def test_the_providers_key_has_azures_header(azure: openai.AzureOpenAI, far_end: FarEnd) -> None:
    """The resource's key goes as `api-key`, the client's nowhere."""
    azure.chat.completions.create(model="m:tokens-5", **HELLO)
    (entry,) = far_end.log()
    sent = {name.lower(): value for name, value in entry["headers"]}
    assert sent["api-key"] == PROVIDER_SECRET
    assert "authorization" not in sent
    assert BACKEND_KEY not in json.dumps(entry)


def test_an_old_version_is_asked_without_usage(azure: openai.AzureOpenAI, far_end: FarEnd) -> None:
    """A version that does not know `stream_options` is asked again without, and remembered."""
    for _ in range(2):
        chunks = list(azure.chat.completions.create(model="m:tokens-4.deaf", stream=True, **HELLO))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == text(4)
    options = [json.loads(entry["body"]).get("stream_options") for entry in far_end.log()]
    assert options == [{"include_usage": True}, None, None]


def test_a_refusal_is_raised_once(azure: openai.AzureOpenAI, resources: Served, far_end: FarEnd) -> None:
    """Azure's client raises RateLimitError with the budget's words, and asks once."""
    with pytest.raises(openai.RateLimitError) as caught:
        azure.chat.completions.create(model="m:tokens-5", messages=[{"role": "user", "content": " the" * OWN_TOKENS}])
    assert caught.value.code == "request_exceeds_budget"
    resources.call_of(caught.value.request_id or "")
    user = azure.default_headers["X-Gateway-User"]
    assert [line["status"] for line in resources.log() if line.get("user") == user and "status" in line] == [429]
    assert far_end.log() == []


@pytest.mark.parametrize("name", ["nowhere", "m:"])
def test_an_unknown_model_is_not_found(azure: openai.AzureOpenAI, name: str) -> None:
    """What is no operation of a deployment is refused, and so is a stored one."""
    with pytest.raises(openai.NotFoundError):
        azure.post(f"/deployments/{name}/unknown", cast_to=object, body={})
