"""The far end that tells the truth (tests/pipeline), and one that replays answers."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.store.connection import Store
from tests.pipeline.conftest import far, far_address, open_gateway
from tests.pitfalls.replaying import Replayed, gateway_replaying

__all__ = ["far", "far_address", "open_gateway", "replayed"]


@pytest.fixture
async def replayed(valkey_store: Store, tmp_path: Path) -> AsyncIterator[Replayed]:
    """Give a gateway on an empty store, in front of a far end of recorded answers."""
    async with gateway_replaying(valkey_store, tmp_path) as running:
        yield running
