"""Opening a store: what the URL names, checked, for the length of a block."""

from gateway.store import open_store
from gateway.store.directory import is_locked, socket_url


async def test_open_store_runs_the_server_for_the_block(tmp_path):
    """`embedded` gives a checked store with our layout, whose server leaves with it."""
    async with open_store("embedded", tmp_path) as store:
        assert await store.execute("GET", "schema") == b"1"
        assert socket_url(tmp_path) == store.address
        assert not store.server_died.is_set()
    assert not is_locked(tmp_path)
