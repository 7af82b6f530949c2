"""One gateway a module, with keys of every role in two companies, and one user whom the file limits."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests import edge as edges
from tests.edge import Edge, edge_running
from tests.gateways import Limits

CAPPED = "22222222-2222-4222-8222-222222222255"
OTHER_BOSS_KEY = "other-boss-key-0123456789"
OTHER_ROBOT_KEY = "other-robot-key-0123456789"
OWN_ADMIN_KEY = "own-admin-key-0123456789"
USERS = f"""{edges.USERS}
  - {{id: {CAPPED}, name: capped, company: acme, quotas: {{daily: 50, weekly: 0}}}}
"""
KEYS = f"""{edges.KEYS}
  - {{name: other-boss, key: {OTHER_BOSS_KEY}, company: other, role: company_admin}}
  - {{name: other-robot, key: {OTHER_ROBOT_KEY}, company: other, acts_for_users: true}}
  - {{name: own-admin, key: {OWN_ADMIN_KEY}, company: acme, user: ada, role: admin}}
"""
LIMITS = Limits(daily=100_000, users=USERS, keys=KEYS)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge(
    valkey_url: str, far_address: tuple[int, int], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Edge]:
    """Give one gateway to all tests of a module, which run in the module's event loop."""
    async with edge_running(valkey_url, far_address, tmp_path_factory.mktemp("quota"), LIMITS) as running:
        yield running
