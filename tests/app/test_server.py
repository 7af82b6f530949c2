"""Errors of handlers become answers in one place, also errors that nobody foresaw."""

from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio
from aiohttp import ClientPayloadError, ClientSession, web
from structlog.testing import capture_logs

from gateway.api.entry import Entry
from gateway.app import App
from gateway.errors import BadRequest, StoreUnavailable
from gateway.pipeline.gateway import Gateway
from gateway.supervisor import listening
from tests.edge import Edge

pytestmark = pytest.mark.asyncio(loop_scope="module")

BEGINNING = b"the beginning"


async def _bug(_gateway: Gateway, _request: web.BaseRequest, _id: str, _params: Mapping[str, str]) -> web.Response:
    raise RuntimeError("the canary in the words of a bug")


async def _refusal(_gateway: Gateway, _request: web.BaseRequest, _id: str, _params: Mapping[str, str]) -> web.Response:
    raise BadRequest("Not like this.", param="a.field", headers={"X-Brought": "along"})


async def _begin(request: web.BaseRequest) -> None:
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(BEGINNING)


async def _late_bug(_gateway: Gateway, request: web.BaseRequest, _id: str, _params: Mapping[str, str]) -> web.Response:
    await _begin(request)
    raise RuntimeError


async def _late_error(
    _gateway: Gateway, request: web.BaseRequest, _id: str, _params: Mapping[str, str]
) -> web.Response:
    await _begin(request)
    raise StoreUnavailable("The store went away.")


TABLE = {
    "/bug": Entry({"GET": _bug}),
    "/refusal": Entry({"GET": _refusal}),
    "/late-bug": Entry({"GET": _late_bug}),
    "/late-error": Entry({"GET": _late_error}),
}


@pytest_asyncio.fixture(loop_scope="module")
async def url(edge: Edge) -> AsyncIterator[str]:
    """Give the address of an app whose handlers fail."""
    app = App(edge.client.app.gateway, TABLE)
    async with listening(app, "127.0.0.1", 0, 5) as address:
        yield address


async def test_a_bug_is_a_500_without_its_words(edge: Edge, url: str) -> None:
    """What a client is told of an unforeseen error is that there was one; the log knows more, under the same id."""
    with capture_logs() as lines:
        async with edge.client.session.get(f"{url}/bug") as answer:
            assert answer.status == 500
            assert (await answer.json())["error"]["type"] == "server_error"
            assert "canary" not in f"{answer.headers}{await answer.text()}"
    (line,) = lines
    assert (line["event"], line["log_level"]) == ("unexpected", "error")
    assert line["request_id"] == answer.headers["x-request-id"]


async def test_an_error_brings_its_headers_and_names_its_field(edge: Edge, url: str) -> None:
    """A refusal is rendered once: status, OpenAI's body, its own headers, our id, and no cache keeps it."""
    async with edge.client.session.get(f"{url}/refusal") as answer:
        assert answer.status == 400
        assert await answer.json() == {
            "error": {
                "message": "Not like this.",
                "type": "invalid_request_error",
                "param": "a.field",
                "code": "invalid_request",
            }
        }
        assert (answer.headers["X-Brought"], answer.headers["Cache-Control"]) == ("along", "no-store")
        assert len(answer.headers["x-request-id"]) == 26


@pytest.mark.parametrize("path", ["/late-bug", "/late-error"])
async def test_an_error_after_the_answer_began_cuts_the_connection(url: str, path: str) -> None:
    """No second answer is written into the first: the client sees that it is not whole."""
    async with ClientSession() as session, session.get(f"{url}{path}") as answer:
        assert answer.status == 200
        assert await answer.content.readexactly(len(BEGINNING)) == BEGINNING
        with pytest.raises(ClientPayloadError):
            await answer.content.read()


async def test_a_path_of_another_table_is_unknown(edge: Edge, url: str) -> None:
    """An app serves its own table and nothing else."""
    async with edge.client.session.get(f"{url}/healthz") as answer:
        assert answer.status == 404


@pytest.mark.parametrize("path", ["/healthz", "/v1/budget", "/nowhere"])
async def test_no_library_is_named(edge: Edge, path: str) -> None:
    """Answers and errors come from the gateway by name, without the versions that it is made of."""
    async with edge.client.get(path) as answer:
        assert answer.headers["Server"] == "token-budget-gateway"


@pytest.mark.parametrize("stream", [False, True])
async def test_no_library_is_named_by_a_call(edge: Edge, stream: bool) -> None:
    """A proxied answer, streamed or not, does not name them either."""
    async with edge.client.chat(stream=stream) as answer:
        assert answer.headers["Server"] == "token-budget-gateway"
