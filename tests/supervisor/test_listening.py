"""Listening and leaving; whole lives of a served process stand in tests/end_to_end/test_lifecycle.py."""

import socket
from pathlib import Path

import pytest
from aiohttp import ClientSession

from gateway.store.connection import Store
from gateway.supervisor import AddressTaken, listening
from gateway.supervisor.listening import bound
from tests.gateways import Limits, gateway_running

NOWHERE = "http://127.0.0.1:9/v1"


async def test_the_url_is_where_it_listens(valkey_store: Store, tmp_path: Path) -> None:
    """Port 0 finds a free port; the URL that is given answers, and no longer afterwards."""
    async with gateway_running(valkey_store, tmp_path, NOWHERE, Limits()) as client, ClientSession() as session:
        async with listening(client.app, "127.0.0.1", 0, 1) as url:
            assert url != client.url
            async with session.get(f"{url}/healthz") as answer:
                assert answer.status == 200
        with pytest.raises(OSError, match="Cannot connect"):
            await session.get(f"{url}/healthz")


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 on this machine")
async def test_an_ipv6_address_stands_in_brackets(valkey_store: Store, tmp_path: Path) -> None:
    """An IPv6 address is written as a URL needs it."""
    async with (
        gateway_running(valkey_store, tmp_path, NOWHERE, Limits()) as client,
        listening(client.app, "::1", 0, 1) as url,
    ):
        assert url.startswith("http://[::1]:")


async def test_a_taken_address_is_said_so(valkey_store: Store, tmp_path: Path) -> None:
    """A port that somebody listens on is an error that names it."""
    async with gateway_running(valkey_store, tmp_path, NOWHERE, Limits()) as client:
        port = int(client.url.rpartition(":")[2])
        with pytest.raises(AddressTaken, match=f"cannot listen on 127.0.0.1:{port}"):
            async with listening(client.app, "127.0.0.1", port, 1):
                pass


def test_every_address_of_a_host_has_the_same_port() -> None:
    """A free port is chosen once."""
    with bound("localhost", 0, setting="server") as sockets:
        assert len({one.getsockname()[1] for one in sockets}) == 1
