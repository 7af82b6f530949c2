"""Which addresses are never dialled."""

import socket

import pytest

from gateway.upstream.connector import is_forbidden, open_socket

FORBIDDEN = [
    "169.254.169.254",
    "169.254.170.2",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "2002:a9fe:a9fe::1",
    "fe80::1",
    "fe80::1%eth0",
    "fd00:ec2::254",
    "fd20:ce::254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_link_local_and_metadata_are_forbidden(address: str) -> None:
    """Also in the forms in which IPv6 carries IPv4."""
    assert is_forbidden(address)
    with pytest.raises(PermissionError):
        open_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, 80)))


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "192.168.1.1", "::1", "fd00::1", "8.8.8.8", "::ffff:10.0.0.1"]
)
def test_private_addresses_are_the_operators_word(address: str) -> None:
    """Loopback, private and public addresses are dialled as configured."""
    assert not is_forbidden(address)
