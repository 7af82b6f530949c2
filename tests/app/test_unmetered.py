"""What providers offer and the gateway cannot meter is refused, says so, and is documented."""

import re
from pathlib import Path

import pytest

from gateway.app.table import TABLE
from gateway.app.unmetered import UNMETERED, refusal
from gateway.errors import NotMetered
from tests.edge import Edge
from tests.gateways import ADA_KEY

DOCUMENT = (Path(__file__).parents[2] / "docs" / "endpoints.md").read_text("utf-8")


@pytest.mark.parametrize("prefix", UNMETERED)
def test_the_reason_is_told_below_a_path(prefix: str) -> None:
    """The path and all below it have a reason; a path that only begins like it has none."""
    below = prefix.rstrip("/") + "/abc/def"
    assert type(refusal(below)) is NotMetered
    assert refusal(below).message.startswith("This endpoint is not metered, so the gateway does not serve it: ")
    assert type(refusal(prefix.rstrip("/") + "x")) is not NotMetered
    assert prefix not in TABLE


@pytest.mark.parametrize("method", [":batchGenerateContent", ":predict", ":bidiGenerateContent"])
def test_gemini_s_methods_have_a_reason(method: str) -> None:
    """Methods at the end of a path are known; others are any unknown path."""
    assert type(refusal(f"/v1beta/models/m{method}")) is NotMetered
    assert type(refusal("/v1beta/models/m:somethingElse")) is not NotMetered


def test_all_of_it_is_documented() -> None:
    """docs/endpoints.md names each path that is refused with a reason."""
    documented = set(re.findall(r"`(/[^`]+)`", DOCUMENT))
    assert set(UNMETERED) <= documented


@pytest.mark.parametrize("path", ["/v1/batches", "/v1/files/f-1/content", "/v1/realtime?model=m", "/v1/threads/t/runs"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.asyncio(loop_scope="module")
async def test_it_is_refused_over_http(edge: Edge, method: str, path: str) -> None:
    """Whatever the method, nothing is forwarded and the reason is told."""
    headers = {"Authorization": f"Bearer {ADA_KEY}"}
    async with edge.untouched(), edge.client.session.request(method, edge.client.url + path, headers=headers) as got:
        error = (await got.json())["error"]
    assert (got.status, error["code"]) == (404, "endpoint_not_metered")
    assert "not metered" in error["message"]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/v1/messages/batches", ("error", "message")),
        ("/v1beta/cachedContents", ("error", "message")),
        ("/api/pull", ("error",)),
        ("/model/m/invoke", ("message",)),
        ("/v1/batches", ("error", "message")),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_the_reason_is_told_in_the_language_of_the_path(edge: Edge, path: str, place: tuple[str, ...]) -> None:
    """Each language's SDK finds the message where it looks for one."""
    async with edge.untouched(), edge.client.session.post(edge.client.url + path) as got:
        found = await got.json()
        assert got.status == 404
    for name in place:
        found = found[name]
    assert "gateway" in found
