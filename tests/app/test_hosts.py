"""`Host`: well-formed or refused; and where a list or published keys say so, only certain names."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.app.hosts import Hosts
from gateway.config.keys import DEMO_KEYS
from tests.edge import Edge, edge_running
from tests.gateways import ADA_KEY, Limits
from tests.wire import CHAT, CHAT_TARGET, LAST, Reply, talk

pytestmark = pytest.mark.asyncio(loop_scope="module")

MALFORMED = ["a/#@evil", "[::1", "x y", "", "a,b", "user@host", "host:port", "a:1:2", "[1.2]x", "*", "a\tb", "%61", "é"]
HERE = [
    "localhost",
    "LOCALHOST:8080",
    "app.localhost",
    "127.0.0.1:80",
    "127.8.9.1",
    "[::1]",
    "[::1]:8080",
    "localhost.",
]
ELSEWHERE = ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil-localhost", "10.0.0.1", "[::2]"]
DEMO = f"  - {{name: published, key: {min(DEMO_KEYS)}, company: acme}}"


async def asked(url: str, host: str | None, *, target: str = "/v1/models", version: str = "1.1") -> Reply:
    """Ask with a Host of one's own, or with none."""
    line = "" if host is None else f"Host: {host}\r\n"
    head = f"GET {target} HTTP/{version}\r\n{line}Authorization: Bearer {ADA_KEY}\r\n{LAST}\r\n\r\n"
    (reply,) = await talk(url, head.encode())
    return reply


@pytest_asyncio.fixture(loop_scope="module", params=["listed", "published"])
async def choosy(
    request: pytest.FixtureRequest, valkey_url: str, far_address: tuple[int, int], tmp_path: Path
) -> AsyncIterator[tuple[Edge, list[str]]]:
    """Give a gateway that answers for some hosts only, and their names."""
    listed = Limits(server=", allowed_hosts: [llm.example, '[::1]', 10.1.2.3]")
    limits, names = {
        "listed": (listed, ["llm.example", "LLM.Example.:443", "[::1]:8080", "10.1.2.3:1"]),
        "published": (Limits(keys=DEMO), HERE),
    }[request.param]
    async with edge_running(valkey_url, far_address, tmp_path, limits) as edge:
        yield edge, names


@pytest.mark.parametrize("host", MALFORMED)
async def test_a_malformed_host_is_refused(edge: Edge, host: str) -> None:
    """What is no name and no address is 400, on every path that is served, health included."""
    async with edge.untouched():
        for target in ("/v1/models", "/healthz", "/v1/budget"):
            reply = await asked(edge.client.url, host, target=target)
            assert (reply.status, reply.error["code"]) == (400, "invalid_request")


async def test_a_host_is_required_since_http_1_1(edge: Edge) -> None:
    """Without one, HTTP/1.1 is 400 (RFC 9112 section 3.2); HTTP/1.0 had none."""
    assert (await asked(edge.client.url, None)).status == 400
    assert (await asked(edge.client.url, None, version="1.0")).status == 200


async def test_any_host_will_do_by_default(edge: Edge) -> None:
    """Where every answer takes a key that is a secret, no list is needed."""
    for host in (*HERE, *ELSEWHERE):
        assert (await asked(edge.client.url, host)).status == 200


async def test_only_these_hosts_are_answered(choosy: tuple[Edge, list[str]]) -> None:
    """With a list, or with keys that everybody knows, another name is 421: no page reaches us by a name of its own."""
    edge, names = choosy
    for host in names:
        assert (await asked(edge.client.url, host)).status == 200, host
    for host in (*ELSEWHERE, None):
        reply = await asked(edge.client.url, host, version="1.0" if host is None else "1.1")
        assert (reply.status, reply.error["code"]) == (421, "wrong_host"), host


async def test_a_call_for_another_host_is_not_made(choosy: tuple[Edge, list[str]]) -> None:
    """A good key and a good body change nothing about it."""
    edge, _ = choosy
    head = f"POST {CHAT_TARGET} HTTP/1.1\r\nHost: evil.example\r\nAuthorization: Bearer {ADA_KEY}\r\n{LAST}\r\n"
    data = f"{head}Content-Type: application/json\r\nContent-Length: {len(CHAT)}\r\n\r\n".encode() + CHAT
    await edge.far.reset()
    (reply,) = await edge.talk(data)
    assert reply.status == 421
    assert await edge.far.log() == []


@pytest.mark.parametrize("target", ["/healthz", "/readyz"])
async def test_probes_ask_any_host(choosy: tuple[Edge, list[str]], target: str) -> None:
    """A load balancer asks by an address, and hears no more than whether it may send calls."""
    edge, _ = choosy
    assert (await asked(edge.client.url, "10.244.0.17:8080", target=target)).status == 200


async def test_what_is_remembered_of_hosts_is_bounded() -> None:
    """However many names are asked for, a few verdicts are kept."""
    hosts = Hosts(("a.example",), loopback_only=False)
    assert not any(hosts._is_ours(f"{number}.example") for number in range(1_000))
    assert hosts._is_ours.cache_info().currsize < 100
