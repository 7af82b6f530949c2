"""Bodies of megabytes, below `server.max_body_bytes`, that would keep every other call waiting."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.api.ollama import MOST_BODY_BYTES
from gateway.store.connection import Store
from tests.gateways import Client, Limits, gateway_running

NOWHERE = "http://127.0.0.1:9/v1"


@pytest.fixture
async def client(valkey_store: Store, tmp_path: Path) -> AsyncIterator[Client]:
    """Give a gateway that takes 32 MiB, and has nobody to send them to."""
    async with gateway_running(valkey_store, tmp_path, NOWHERE, Limits()) as client:
        yield client


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/embeddings", "/api/chat"])
async def test_a_million_keys_are_refused(client: Client, path: str) -> None:
    """400 in every language, before anything is decoded; nothing is held."""
    body = b'{"model":"m:","x":{' + b",".join(b'"k%d":1' % number for number in range(1_000_000)) + b"}}"
    headers = client.headers | {"Content-Type": "application/json", "anthropic-version": "2023-06-01"}
    async with client.session.post(f"{client.url}{path}", data=io.BytesIO(body), headers=headers) as answer:
        told = await answer.text()
    assert (answer.status, "too many values" in told) == (400, True)
    assert await client.company() == (0, 0)


async def test_a_model_s_name_takes_no_megabytes(client: Client) -> None:
    """`/api/show` is decoded by the loop itself: it takes 64 KiB, whatever calls may have."""
    async with client.post("/api/show", {"model": "m:", "x": "x" * MOST_BODY_BYTES}) as answer:
        told = await answer.json()
    assert (answer.status, told["error"]) == (413, f"The body is over {MOST_BODY_BYTES} bytes.")
    async with client.post("/api/show", {"model": "m:", "x": "x" * 60_000}) as answer:
        told = await answer.json()
    assert (answer.status, "The model `m:`" in told["error"]) == (404, True)  # it was read: no Ollama is behind it
