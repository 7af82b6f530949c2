"""How an answer is sent, on a real socket: whole, told to have failed on the way, or broken off."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from aiohttp import ClientPayloadError, ClientSession, web
from aiohttp.test_utils import RawTestServer

from gateway.api.consumption_logs.answers import Answers
from gateway.api.consumption_logs.log import Log
from gateway.errors import BadRequest, Forbidden, StoreUnavailable

AWAY = StoreUnavailable("The budget store is not available: it is gone.", headers={"Retry-After": "1"})


async def batches(*given: Sequence[Log] | Exception) -> AsyncIterator[Sequence[Log]]:
    """Give these batches, or raise these errors in their place."""
    for one in given:
        if isinstance(one, Exception):
            raise one
        yield one


async def answered(*given: Sequence[Log] | Exception) -> dict[str, Any]:
    """Send what is given from a server; give what its client has read."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        return await Answers().send(request, "id", batches(*given), {"Vary": "Origin"})

    async with RawTestServer(handle) as server, ClientSession() as session, session.get(server.make_url("/")) as answer:
        assert answer.headers["Vary"] == "Origin"
        body: dict[str, Any] = await answer.json()
        return body


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], []),
        ([[{"a": 1}]], [{"a": 1}]),
        ([[{"a": 1}, {"a": 2}], [{"a": "é\u2028"}]], [{"a": 1}, {"a": 2}, {"a": "é\u2028"}]),
    ],
)
async def test_batches_become_one_array(given: list[Sequence[Log]], expected: list[Log]) -> None:
    """However the logs come, they are one array, and then the result."""
    body = await answered(*given)
    assert (body["consumptionLogs"], body["resultCode"], body["resultMessage"]) == (expected, 0, "Ok")


async def test_a_store_that_goes_away_on_the_way_is_told() -> None:
    """The logs that were read are there, and the result says that they are not all."""
    body = await answered([{"a": 1}], AWAY)
    assert (body["consumptionLogs"], body["resultCode"]) == ([{"a": 1}], 500)
    assert body["resultMessage"] == AWAY.message


async def test_a_mistake_of_ours_on_the_way_breaks_the_answer_off() -> None:
    """Nobody takes a half of the logs for all, nor an error for a part of them."""
    with pytest.raises(ClientPayloadError):
        await answered([{"a": 1}], RuntimeError("never told"))


async def test_what_fails_at_once_is_raised() -> None:
    """Before anything is sent there is still a choice of how to tell it."""

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        with pytest.raises(StoreUnavailable) as raised:
            await Answers().send(request, "id", batches(AWAY), {})
        return Answers().refusal(raised.value, request, "id")

    async with RawTestServer(handle) as server, ClientSession() as session, session.get(server.make_url("/")) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (200, "1")
        body = await answer.json()
        assert (body["consumptionLogs"], body["resultCode"]) == (None, 500)


async def test_an_error_of_any_kind_has_a_number() -> None:
    """What this API has no number for is 500; a challenge to log in is not passed on."""
    answers = Answers()

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        error = {"/forbidden": Forbidden("no", headers={"WWW-Authenticate": "x"})}.get(request.path, BadRequest("bad"))
        return answers.refusal(error, request, "id")

    async with RawTestServer(handle) as server, ClientSession() as session:
        for number, (path, code) in enumerate((("/forbidden", -102), ("/other", 500)), 1):
            async with session.get(server.make_url(path)) as answer:
                body = await answer.json()
                assert (answer.status, body["resultCode"], body["requestID"]) == (200, code, number)
                assert "WWW-Authenticate" not in answer.headers
