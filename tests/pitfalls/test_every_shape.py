"""Every documented answer through the whole gateway: what is charged is what the provider says that it took.

The rule that matters: the expected charge is the table's (tests/providers/shapes), never what the gateway reads.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.model import Endpoint
from gateway.store.connection import Store
from tests.pitfalls.replaying import Replayed, gateway_replaying
from tests.providers.shapes import SHAPES, Shape
from tests.providers.shapes.shape import JSON
from tests.providers.test_shapes_metered import FREE, NOT_SPOKEN

BROKEN = frozenset(shape.name for shape in SHAPES if shape.stream and "error" in shape.name)
"""Streams that report an error and no usage after it: charged for what came, where that is more than was told."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def module_gateway(valkey_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Replayed]:
    """Give one gateway to all of them."""
    store = Store.connect(valkey_url)
    try:
        await store.execute("FLUSHALL")
        async with gateway_replaying(store, Path(tmp_path_factory.mktemp("shapes"))) as running:
            yield running
    finally:
        await store.close()


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
@pytest.mark.asyncio(loop_scope="module")
async def test_an_answer_is_charged_as_its_provider_says(module_gateway: Replayed, shape: Shape) -> None:
    """Charged is what was told, to the token; what was not told is counted, and marked; counting is free."""
    endpoint = Endpoint(shape.endpoint)
    as_array = shape.stream and shape.content_type == JSON
    got = await module_gateway.ask(
        endpoint, shape.body, shape.content_type, shape.request, stream=shape.stream, as_array=as_array
    )
    assert (got.status, got.body.rstrip()) == (200, shape.body.rstrip())
    usage = None if shape.name in NOT_SPOKEN else shape.usage
    told = 0 if usage is None else usage.input_tokens + usage.output_tokens
    if endpoint in FREE:
        assert got.used == 0
    elif usage is None or usage.estimated or shape.name in BROKEN:
        assert (got.used > told, got.line["estimated"]) == (True, True)
    else:
        assert (got.used, got.line["estimated"]) == (told, False)
