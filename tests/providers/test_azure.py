"""Azure's paths and its key."""

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from msgspec import structs

from gateway.model import Endpoint, ModelSpec, Provider, Route, Secret
from gateway.providers import azure
from tests.providers.calls import ask
from tests.providers.responses import calls as of_responses

RESOURCE = "https://name.openai.azure.com"


def path(endpoint: Endpoint, version: str | None, model: str = "mine", base_url: str = RESOURCE) -> str:
    """Give where a call goes."""
    provider = Provider("p", "azure", base_url, Secret("k"), api_version=version)
    is_chat = endpoint in {Endpoint.CHAT, Endpoint.COMPLETIONS, Endpoint.EMBEDDINGS}
    call = ask(endpoint) if is_chat else structs.replace(of_responses.ask(), endpoint=endpoint)
    return azure.path(call, Route(provider, ModelSpec(model), model))


@pytest.mark.parametrize(
    ("endpoint", "place"),
    [
        (Endpoint.CHAT, "/openai/deployments/mine/chat/completions"),
        (Endpoint.COMPLETIONS, "/openai/deployments/mine/completions"),
        (Endpoint.EMBEDDINGS, "/openai/deployments/mine/embeddings"),
        (Endpoint.TRANSCRIPTIONS, "/openai/deployments/mine/audio/transcriptions"),
        (Endpoint.SPEECH, "/openai/deployments/mine/audio/speech"),
        (Endpoint.IMAGES, "/openai/deployments/mine/images/generations"),
        (Endpoint.RESPONSES, "/openai/responses"),
    ],
)
def test_a_dated_path(endpoint: Endpoint, place: str) -> None:
    """With a version, deployments stand in the path, but for responses."""
    assert path(endpoint, "2024-10-21") == f"{place}?api-version=2024-10-21"


@pytest.mark.parametrize(
    ("endpoint", "place"),
    [
        (Endpoint.CHAT, "/chat/completions"),
        (Endpoint.RESPONSES, "/responses"),
        (Endpoint.IMAGES, "/images/generations"),
    ],
)
@pytest.mark.parametrize("base_url", [RESOURCE, f"{RESOURCE}/openai/v1", f"{RESOURCE}/openai/v1/"])
def test_the_v1_api(endpoint: Endpoint, place: str, base_url: str) -> None:
    """Without a version the v1 API is asked, whether or not the address says so itself."""
    where = base_url.rstrip("/") + path(endpoint, None, base_url=base_url)
    assert where == f"{RESOURCE}/openai/v1{place}"


def test_a_name_stays_one_segment() -> None:
    """Whatever a deployment and a version are called, the path has the same segments and one parameter."""
    found = urlsplit(path(Endpoint.CHAT, "v&x=1", "a/../b?c#d"))
    assert found.path == "/openai/deployments/a%2F..%2Fb%3Fc%23d/chat/completions"
    assert (found.query, found.fragment) == ("api-version=v%26x%3D1", "")


def test_the_key() -> None:
    """The key has a header of its own; what the configuration adds wins."""
    provider = Provider("p", "azure", RESOURCE, Secret("k"), headers=(("X-More", Secret("y")),))
    assert azure.auth_headers(provider) == {"api-key": "k", "x-more": "y"}
    bearer = replace(provider, api_key=None, headers=(("Authorization", Secret("Bearer t")),))
    assert azure.auth_headers(bearer) == {"authorization": "Bearer t"}
