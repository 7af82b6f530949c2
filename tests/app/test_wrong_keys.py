"""Wrong keys without end: the same answer for each, then a pause for whoever sends them, and nobody else notices."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from gateway.api.consumption_logs.results import Result
from gateway.auth import Callers
from gateway.model import Caller, Wire
from tests.app.test_slow import turned_away
from tests.edge import Edge, edge_running
from tests.gateways import ADA_KEY, ADMIN_KEY, BOB_KEY, Limits
from tests.wire import CHAT, LAST, Reply, request

A_MINUTE = 10
SESSION_NOT_FOUND = Result.SESSION_NOT_FOUND.value
FLOOD = 2_000
AHEAD = 20
"""How many requests to send on one connection before its answers are read."""


@pytest_asyncio.fixture
async def strict(valkey_url: str, far_address: tuple[int, int], tmp_path: Path) -> AsyncIterator[Edge]:
    """Give a gateway that has not seen a wrong key yet and bears ten a minute; a proxy on loopback is trusted."""
    limits = Limits(server=f", wrong_keys_per_minute: {A_MINUTE}, trusted_proxies: [127.0.0.0/8]")
    async with edge_running(valkey_url, far_address, tmp_path, limits) as running:
        yield running


def guess(number: int, *lines: str) -> bytes:
    """Write a request with a wrong key."""
    return request("POST", "/v1/chat/completions", *lines, body=CHAT, key=f"guess-{number:010}")


async def flood(edge: Edge, count: int, *lines: str) -> list[Reply]:
    """Send so many wrong keys, and give the answers."""
    found: list[Reply] = []
    for start in range(0, count, AHEAD):
        some = [guess(number, *lines) for number in range(start, min(start + AHEAD, count))]
        some[-1] = guess(start, LAST, *lines)
        found += await edge.talk(b"".join(some))
    return found


async def test_a_flood_of_wrong_keys_is_refused_and_nobody_else_is(strict: Edge) -> None:
    """The first get the one 401, the rest one 429 that says when to come back; good keys from there work throughout."""
    with capture_logs() as lines:
        async with strict.untouched():
            told = await flood(strict, FLOOD)
    statuses = [reply.status for reply in told]
    assert statuses == [401] * A_MINUTE + [429] * (FLOOD - A_MINUTE)
    assert len({reply.body for reply in told[:A_MINUTE]}) == 1
    assert len({reply.body for reply in told[A_MINUTE:]}) == 1
    assert told[-1].error["code"] == "too_many_wrong_keys"
    assert all(0 < int(reply.headers["Retry-After"]) <= 66 for reply in told[A_MINUTE:])
    assert not any("ratelimit" in name.lower() for reply in told for name in reply.headers)
    assert len([line for line in lines if line["event"] == "call"]) == A_MINUTE
    for key in (ADA_KEY, BOB_KEY):  # whether it was ever used before or not
        (good,) = await strict.talk(request("POST", "/v1/chat/completions", LAST, body=CHAT, key=key))
        assert good.status == 200


async def test_it_is_counted(strict: Edge) -> None:
    """Under one reason, whoever it was."""
    await flood(strict, A_MINUTE + 5)
    strict.client.app.turned_away.tell()
    assert turned_away(strict, "keys") == 5


async def test_behind_a_trusted_proxy_each_address_has_its_own(strict: Edge) -> None:
    """One client's wrong keys are not another's, whatever it claims to have been forwarded for before."""
    told = await flood(strict, A_MINUTE + 1, "X-Forwarded-For: 203.0.113.5, 198.51.100.1")
    assert [reply.status for reply in told[-2:]] == [401, 429]
    for client, status in (("203.0.113.5", 401), ("198.51.100.1", 429), ("203.0.113.5, 198.51.100.1", 429)):
        (reply,) = await strict.talk(guess(0, LAST, f"X-Forwarded-For: {client}"))
        assert reply.status == status, client


async def test_a_whole_ipv6_network_is_one_client(strict: Edge) -> None:
    """Who has a /64 has 2^64 addresses."""
    told = []
    for number in range(A_MINUTE + 1):
        told += await strict.talk(guess(number, LAST, f"X-Forwarded-For: 2001:db8:1:2::{number:x}"))
    assert [reply.status for reply in told[-2:]] == [401, 429]
    (reply,) = await strict.talk(guess(0, LAST, "X-Forwarded-For: 2001:db8:1:3::1"))
    assert reply.status == 401


def said(reply: Reply) -> int:
    """Give an answer's status; the consumption logs' clients read a number in the body of a 200."""
    is_refused = reply.status == 200 and reply.json["resultCode"] == SESSION_NOT_FOUND
    return 401 if is_refused else reply.status


async def test_keys_of_every_kind_of_request_count(strict: Edge) -> None:
    """In a header, in a path, in a query or none at all; what asks for no key is answered all the same."""
    logs = "/api/v2/TenantConsumptionLogs/{}/acme/Daily"
    asked = [
        request("GET", "/v1/models", LAST, key=None),
        request("GET", "/v1beta/models?key=guess", LAST, key=None),
        request("GET", logs.format("guess"), LAST, key=None),
        request("GET", "/v1/account/bill/total", LAST, key="guess"),
        request("GET", "/api/chat-quota/usage/", LAST, key="guess"),
    ]
    for data in asked * (A_MINUTE // len(asked)):
        (reply,) = await strict.talk(data)
        assert said(reply) == 401, data
    for data in asked:
        (reply,) = await strict.talk(data)
        assert (said(reply) in {429, 401}, "Retry-After" in reply.headers) == (True, True), data
    for path, status in (("/healthz", 200), ("/openapi.yaml", 200), ("/nowhere", 404)):
        (reply,) = await strict.talk(request("GET", path, LAST, key=None))
        assert reply.status == status, path
    async with strict.client.session.get(f"{strict.client.url}{logs.format(ADMIN_KEY)}") as answer:
        assert (await answer.json())["resultCode"] == Result.OK.value
    (reply,) = await strict.talk(request("OPTIONS", logs.format("guess"), LAST, key=None))
    assert reply.status == 405


@pytest.mark.parametrize(
    ("path", "wire", "word"),
    [
        ("/v1/messages", Wire.ANTHROPIC, "rate_limit_error"),
        ("/v1beta/models/m:generateContent", Wire.GEMINI, "RESOURCE_EXHAUSTED"),
        ("/model/m/converse", Wire.BEDROCK, "ThrottlingException"),
        ("/v1/chat/completions", Wire.OPENAI, "rate_limit_error"),
    ],
)
async def test_it_is_told_in_the_language_of_its_path(strict: Edge, path: str, wire: Wire, word: str) -> None:
    """SDKs find the word that makes them wait."""
    await flood(strict, A_MINUTE)
    (reply,) = await strict.talk(request("POST", path, LAST, body=b"{}", key="guess"))
    assert reply.status == 429, wire
    assert word in reply.body.decode() + str(reply.headers)


class Broken(Callers):
    """A look-up that fails."""

    WORDS = "words that nobody may see"

    def __init__(self) -> None:
        super().__init__((), {}, {}, {})

    def holder(self, key_text: str, *, now_ms: int) -> Caller:
        """Fail."""
        raise RuntimeError(self.WORDS, key_text, now_ms)


async def test_a_failure_in_identification_is_no_identity(strict: Edge) -> None:
    """Whatever breaks while a key is looked up, nobody is let in, and nothing is said of why."""
    gateway = strict.client.app.gateway
    async with strict.untouched():
        strict.client.app.gateway = replace(gateway, callers=Broken())
        for data in (
            request("POST", "/v1/chat/completions", LAST, body=CHAT),
            request("GET", "/v1/budget", LAST),
            request("GET", "/v1/models", LAST),
        ):
            (reply,) = await strict.talk(data)
            assert reply.status == 500, data
            assert Broken.WORDS not in reply.body.decode()
        strict.client.app.gateway = gateway
