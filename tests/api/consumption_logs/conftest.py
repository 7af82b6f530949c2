"""A gateway with a second provider, which is the customer's own, a second agent and a web page that may ask."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from multidict import CIMultiDictProxy

from tests.edge import EVE, KEYS, USERS, Edge, edge_running
from tests.gateways import PROVIDER_SECRET, Limits
from tests.node_clients import node_clients

__all__ = ["node_clients"]

SALES = "33333333-3333-4333-8333-333333333334"
RIVALS_AGENT = "33333333-3333-4333-8333-333333333399"
UNKNOWN = "77777777-7777-4777-8777-777777777777"
EVE_KEY = "eve-key-0123456789"
PAGE = "https://app.example.com"
ROOT = "/api/v2"


@dataclass(frozen=True)
class Told:
    """An answer: its status, its headers, its JSON."""

    status: int
    headers: CIMultiDictProxy[str]
    body: dict[str, Any]

    @property
    def logs(self) -> list[dict[str, Any]]:
        """The logs of an answer that is Ok."""
        assert (self.status, self.body["resultCode"], self.body["resultMessage"]) == (200, 0, "Ok")
        logs: list[dict[str, Any]] = self.body["consumptionLogs"]
        return logs

    @property
    def refusal(self) -> tuple[int, int, str]:
        """Status, result code and message of one that is not."""
        assert self.body["consumptionLogs"] is None
        return self.status, self.body["resultCode"], self.body["resultMessage"]


@dataclass(frozen=True)
class Site:
    """A gateway that serves the API, and what is behind it."""

    edge: Edge

    async def get(self, path: str, *, method: str = "GET", **headers: str) -> Told:
        """Ask for a path under /api/v2 as it stands, with no other credential than the one in it."""
        url = f"{self.edge.client.url}{ROOT}/{path}"
        async with self.edge.client.session.request(method, url, headers=headers) as answer:
            assert answer.content_type == "application/json"
            return Told(answer.status, answer.headers, await answer.json())

    async def logs(self, whose: str, key: str, of: str, kind: str = "Daily", *dates: str) -> list[dict[str, Any]]:
        """Give the logs of `Tenant`, `User` or `Memori`."""
        return (await self.get("/".join((f"{whose}ConsumptionLogs", key, of, kind, *dates)))).logs


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(
    valkey_url: str, far_address: tuple[int, int], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Site]:
    """Give one gateway to all tests of a module, on an empty store."""
    account = f"base_url: 'http://127.0.0.1:{far_address[0]}/v1', api_key: {PROVIDER_SECRET}"
    limits = Limits(
        users=USERS,
        keys=f"{KEYS}  - {{name: eve, key: {EVE_KEY}, company: other, user: {EVE}}}",
        agents=f"""
  - {{id: {SALES}, name: sales, company: acme}}
  - {{id: {RIVALS_AGENT}, name: spy, company: other}}""",
        providers=f"  own: {{dialect: openai, {account}, chargeable: false, models: {{'*': {{reasoning: false}}}}}}",
        cors_origins=f"['{PAGE}']",
    )
    async with edge_running(valkey_url, far_address, tmp_path_factory.mktemp("site"), limits) as edge:
        yield Site(edge)
