"""Reading store URLs: what is understood, what is refused, and that no secret is ever repeated."""

import pytest
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection

from gateway.errors import StoreRefused
from gateway.store.address import Layout, parse_address


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


@pytest.mark.parametrize(
    ("url", "shown", "seeds", "service", "database"),
    [
        ("redis+cluster://h1:7000,h2:7001", "redis+cluster://h1:7000,h2:7001", (("h1", 7000), ("h2", 7001)), "", 0),
        ("rediss+cluster://u:p%2Fw@h1,[::1]:7/", "rediss+cluster://h1:6379,[::1]:7", (("h1", 6379), ("::1", 7)), "", 0),
        (
            "redis+sentinel://u:pw@s1,s2:1/my%20ledger/3?sentinel_password=x",
            "redis+sentinel://s1:26379,s2:1/my%20ledger/3",
            (("s1", 26379), ("s2", 1)),
            "my ledger",
            3,
        ),
        ("redis+sentinel://u:a,b@s1/svc", "redis+sentinel://s1:26379/svc", (("s1", 26379),), "svc", 0),
    ],
)
def test_a_url_names_a_set_or_a_cluster(url, shown, seeds, service, database):
    """Several hosts, each with its port or the usual one; what is shown has no login."""
    address = parse_address(url)
    assert (address.shown, address.seeds, address.service) == (shown, seeds, service)
    assert address.arguments["db"] == database
    assert address.layout is (Layout.CLUSTER if "cluster" in url else Layout.SENTINEL)


def test_servers_and_sentinels_have_logins_of_their_own():
    """A server of the group gets the URL's login, database and TLS; a sentinel only its own login, and TLS."""
    url = "rediss+sentinel://u:pw@s1/svc/2?sentinel_username=su&sentinel_password=sp&ssl_ca_certs=/ca.pem"
    address = parse_address(url)
    server, sentinel = address.at(("::1", 5)), address.sentinel_at(("s1", 26379))
    common = {"ssl_ca_certs": "/ca.pem"}
    assert server.arguments == common | {"host": "::1", "port": 5, "db": 2, "username": "u", "password": "pw"}
    assert sentinel.arguments == common | {"host": "s1", "port": 26379, "db": 0, "username": "su", "password": "sp"}
    assert (server.shown, sentinel.shown) == ("rediss://[::1]:5/2", "rediss://s1:26379")
    assert server.connection_class is sentinel.connection_class is SSLConnection
    assert parse_address("redis+sentinel://u:pw@s1/svc").sentinel_at(("s1", 1)).arguments == {
        "host": "s1",
        "port": 1,
        "db": 0,
    }


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://h1,h2:hunter2@", "must name a host"),
        ("redis://h1,h2", "several hosts"),
        ("redis+cluster://:hunter2@", "must name hosts"),
        ("redis+cluster://h1,,h2", "must name hosts"),
        ("redis+cluster://:hunter2@h1/1", "one database"),
        ("redis+cluster://h1?db=1", "knows none"),
        ("redis+sentinel://:hunter2@h1", "must name the sentinels' service"),
        ("redis+sentinel://h1/svc/x", "must be a number"),
        ("redis+sentinel://h1,h2:hunter2/svc", "percent-encode"),
        ("unix+cluster:///hunter2", "must be `embedded` or start with"),
    ],
)
def test_a_group_that_is_none_is_refused(url, words):
    """The refusal says what is wrong and holds no part of a password."""
    with pytest.raises(StoreRefused) as refused:
        parse_address(url)
    assert words in str(refused.value)
    assert "ter2" not in str(refused.value)


def test_an_address_does_not_show_its_arguments():
    """The repr of an address holds no password."""
    assert "hunter2" not in repr(parse_address("redis://:hunter2@h"))
