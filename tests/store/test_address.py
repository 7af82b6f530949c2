"""Reading store URLs: what is understood, what is refused, and that no secret is ever repeated."""

import pytest
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection

from gateway.errors import StoreRefused
from gateway.store.address import parse_address


@pytest.mark.parametrize(
    ("url", "kind", "arguments", "shown"),
    [
        ("redis://h", Connection, {"host": "h", "port": 6379, "db": 0}, "redis://h:6379"),
        ("redis://h:1/2", Connection, {"host": "h", "port": 1, "db": 2}, "redis://h:1/2"),
        ("redis://h?db=3", Connection, {"host": "h", "port": 6379, "db": 3}, "redis://h:6379/3"),
        ("redis://[::1]:7/", Connection, {"host": "::1", "port": 7, "db": 0}, "redis://[::1]:7"),
        (
            "redis://u%40x:p%2Fw@h/1",
            Connection,
            {"host": "h", "port": 6379, "db": 1, "username": "u@x", "password": "p/w"},
            "redis://h:6379/1",
        ),
        ("redis://:pw@h", Connection, {"host": "h", "port": 6379, "db": 0, "password": "pw"}, "redis://h:6379"),
        (
            "rediss://h?ssl_ca_certs=/ca.pem",
            SSLConnection,
            {"host": "h", "port": 6379, "db": 0, "ssl_ca_certs": "/ca.pem"},
            "rediss://h:6379",
        ),
        ("unix:///a%20b/s", UnixDomainSocketConnection, {"path": "/a b/s", "db": 0}, "unix:///a%20b/s"),
        (
            "unix://u@/s?db=2&password=pw",
            UnixDomainSocketConnection,
            {"path": "/s", "db": 2, "username": "u", "password": "pw"},
            "unix:///s?db=2",
        ),
    ],
)
def test_a_url_names_a_server(url, kind, arguments, shown):
    """Every documented form gives redis-py's arguments, and a form to show that has no credentials."""
    address = parse_address(url)
    assert (address.connection_class, address.arguments, address.shown) == (kind, arguments, shown)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://u:hunter2@h", "must be `embedded` or start with redis://"),
        ("hunter2", "must be `embedded` or start with redis://"),
        ("redis://:hun/ter2@h:6379", "percent-encode"),
        ("redis://:hunter2@h:99999", "percent-encode"),
        ("redis://:hunter2@", "must name a host"),
        ("redis://:hunter2@h/zero", "must be a number"),
        ("redis://:hunter2@h/²", "must be a number"),
        ("redis://:hunter2@h?retry_on_timeout=yes", "option that is not supported"),
        ("redis://:hun#ter2@h", "percent-encode"),
        ("redis://h#hunter2", "option that is not supported"),
        ("redis://h?hunter2=", "option that is not supported"),
        ("unix://relative/hunter2", "must name a socket"),
        ("unix://?password=hunter2", "must name a socket"),
    ],
)
def test_anything_else_is_refused_without_repeating_it(url, words):
    """The refusal says what is wrong and holds no part of a password, nor does the address show one."""
    with pytest.raises(StoreRefused) as refused:
        parse_address(url)
    assert words in str(refused.value)
    assert "ter2" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_an_address_does_not_show_its_arguments():
    """The repr of an address holds no password."""
    assert "hunter2" not in repr(parse_address("redis://:hunter2@h"))
