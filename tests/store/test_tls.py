"""A cluster over TLS: the URL's authority has to have signed the name of every server that is found."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import StoreUnavailable
from gateway.store.connection import Script, Store
from tests.store.groups import cluster, free_port
from tests.store.servers import REDIS

COUNT = Script("return redis.call('INCR', KEYS[1])")
TLS = Path(__file__).parents[1] / "upstream/tls"
"""`good.pem` is signed for `localhost` by `ca.pem`."""


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Give the TLS port of a cluster of one Redis that announces itself as `localhost`."""
    if REDIS is None:
        pytest.skip("no redis-server on PATH")
    port = free_port()
    pem, ca = str(TLS / "good.pem"), str(TLS / "ca.pem")
    files = ("--tls-cert-file", pem, "--tls-key-file", pem, "--tls-ca-cert-file", ca, "--tls-auth-clients", "no")
    names = ("--cluster-announce-hostname", "localhost", "--cluster-preferred-endpoint-type", "hostname")
    with cluster(REDIS, "--tls-port", str(port), "--tls-cluster", "yes", *files, *names, primaries=1):
        yield port


async def test_scripts_and_commands_travel_over_tls(port):
    """Discovery, scripts and commands find the announced name and its TLS port."""
    store = Store.connect(f"rediss+cluster://localhost:{port}?ssl_ca_certs={TLS}/ca.pem")
    assert await store.run(COUNT, ["{q1}:n"], []) == 1
    assert await store.execute("INCR", "{q1}:n") == 2
    (node,) = await store.nodes()
    assert node.shown == f"rediss://localhost:{port}"
    assert (await node.execute("INFO", "clients"))["connected_clients"] > 0
    await store.close()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_a_stranger_is_refused(port, host):
    """Without the authority, or under a name that it did not sign, nothing is sent."""
    query = f"?ssl_ca_certs={TLS}/ca.pem" if host == "127.0.0.1" else ""
    store = Store.connect(f"rediss+cluster://{host}:{port}{query}")
    with pytest.raises(StoreUnavailable, match="no server of it can be found"):
        await store.run(COUNT, ["{q1}:stranger"], [])
    await store.close()
