"""Whom a request comes from: the peer, or what a proxy that is trusted says of it."""

from collections.abc import Sequence

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.app.addresses import FORWARDED_HEADER, addresses

PROXIES = ("10.0.0.0/8", "2001:db8:ffff::/48", "127.0.0.1")


def request(peer: str, forwarded: Sequence[str]) -> web.Request:
    """Give a request of this peer with these header lines."""
    headers = CIMultiDict([(FORWARDED_HEADER, line) for line in forwarded])
    return make_mocked_request("GET", "/", headers).clone(remote=peer)


@pytest.mark.parametrize(
    ("peer", "forwarded", "block"),
    [
        # No proxy: what it says of others is not believed.
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),
        ("2001:db8::1", [], "2001:db8::/64"),
        ("11.0.0.1", ["198.51.100.1"], "11.0.0.1"),
        # A proxy: the last that is no proxy itself.
        ("10.1.2.3", ["198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.1.2.3", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", ["203.0.113.9, 198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.1.2.3", ["203.0.113.9", "198.51.100.1"], "198.51.100.1"),
        ("2001:db8:ffff::1", ["2001:db8:1:2:3::4"], "2001:db8:1:2::/64"),
        ("10.1.2.3", ["198.51.100.1:50000"], "198.51.100.1"),
        ("10.1.2.3", ["[2001:db8:1:2:3::4]:50000"], "2001:db8:1:2::/64"),
        # A proxy that says nothing, or only names proxies: it is who asks.
        ("10.1.2.3", [], "10.1.2.3"),
        ("10.1.2.3", [""], "10.1.2.3"),
        ("10.1.2.3", ["10.9.9.9"], "10.1.2.3"),
    ],
)
def test_who_asks(peer: str, forwarded: list[str], block: str) -> None:
    """Each client counts as itself, and none can count as another."""
    assert addresses(PROXIES).block_of(request(peer, forwarded)) == block


def test_without_proxies_the_header_says_nothing() -> None:
    """Which is how the gateway is served unless the file says otherwise."""
    assert addresses(()).block_of(request("127.0.0.1", ["198.51.100.1"])) == "127.0.0.1"


@given(st.text(max_size=200), st.sampled_from(["127.0.0.1", "192.0.2.1"]))
def test_what_a_client_writes_before_its_address_changes_nothing(written: str, peer: str) -> None:
    """The proxy appends the address that it sees; whatever stands before, that is who asks."""
    asked = request(peer, [f"{written}, 198.51.100.1"])
    assert addresses(PROXIES).block_of(asked) == ("198.51.100.1" if peer == "127.0.0.1" else peer)


@given(st.text(max_size=200))
def test_no_header_breaks_it(written: str) -> None:
    """Nor makes a long name for anybody."""
    assert len(addresses(PROXIES).block_of(request("127.0.0.1", [written]))) <= 64
