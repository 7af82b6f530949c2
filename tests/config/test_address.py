"""Which addresses may be an upstream, a place to listen, a store."""

import pytest

from gateway.config.address import is_bindable, is_loopback, is_store_url, is_web_origin, url_problem

METADATA = [
    "169.254.169.254",
    "169.254.169.254.",
    "169.254.0.1",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "169.254.43518",
    "169.16689662",
    "[::ffff:a9fe:a9fe]",
    "[::FFFF:169.254.169.254]",
    "[::a9fe:a9fe]",
    "[64:ff9b::a9fe:a9fe]",
    "[2002:a9fe:a9fe::]",
    "[fe80::1]",
    "[febf::1]",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "168.63.129.16",
    "metadata.google.internal",
    "METADATA.google.internal.",
    "metadata",
    "instance-data",
]


@pytest.mark.parametrize("host", METADATA)
@pytest.mark.parametrize("tail", ["", "/v1", ":80/v1"])
def test_metadata_services_are_refused(host: str, tail: str) -> None:
    """Link-local and metadata addresses are refused however they are spelt."""
    assert url_problem(f"http://{host}{tail}") == "must not be a link-local address or a cloud's metadata service"


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "https://api.openai.com/v1/",
        "http://127.0.0.1:11434/v1",
        "http://localhost:8000",
        "http://10.1.2.3/v1",
        "http://192.168.1.1:1/a/b-c_d.e~f",
        "http://[::1]:8080/v1",
        "http://[fd00::1]/v1",
        "http://ollama:11434/v1",
        "http://my_service.default.svc.cluster.local/v1",
        "https://host/openai/deployments/gpt-4o",
    ],
)
def test_operators_word_stands(url: str) -> None:
    """Http, private addresses, ports and paths are allowed as written."""
    assert url_problem(url) is None


@pytest.mark.parametrize(
    ("url", "fragment"),
    [
        ("", "absolute"),
        ("api.openai.com/v1", "absolute"),
        ("ftp://host/v1", "absolute"),
        ("file:///etc/passwd", "absolute"),
        ("http://", "absolute"),
        ("http://host:99999", "absolute"),
        ("http://host:0", "absolute"),
        ("http://host:x", "absolute"),
        ("http://[::1", "absolute"),
        ("http://ho st/v1", "absolute"),
        ("http://host\n/v1", "absolute"),
        ("http://\uff11\uff16\uff19.254.169.254", "absolute"),
        ("http://user@host/v1", "credentials"),
        ("http://user:secret@host/v1", "credentials"),
        ("http://good\\@169.254.169.254", "credentials"),
        ("http://host/v1?key=1", "query"),
        ("http://host/v1?", "query"),
        ("http://host/v1#top", "fragment"),
        ("http://host/../admin", "plain path"),
        ("http://host/./v1", "plain path"),
        ("http://host//v1", "plain path"),
        ("http://host/v1//", "plain path"),
        ("http://host/%2e%2e/v1", "plain path"),
        ("http://host/v1;x", "plain path"),
        ("http://host/v1\\..", "plain path"),
        ("http://169.254.169.254%2f", "plain name"),
        ("http://169.254.169.254\\.good.example", "plain name"),
        ("http://[fe80::1%25eth0]/v1", "plain name"),
        ("http://[::1]x/v1", "plain name"),
        ("http://host:/v1", "plain name"),
        ("http://host:080/v1", "plain name"),
    ],
)
def test_what_is_no_plain_base_url_is_refused(url: str, fragment: str) -> None:
    """Anything but scheme, host, port and a plain path is refused, in words that repeat none of it."""
    problem = url_problem(url)
    assert problem is not None
    # Some Python releases refuse broken brackets a step earlier.
    assert fragment in problem or ("[" in url and "absolute" in problem)
    assert "secret" not in problem


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "127.1", "::1", "localhost", "LOCALHOST"])
def test_loopback(host: str) -> None:
    """These reach this machine only."""
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0", "::", "10.0.0.1", "example.com", "localhost.example.com", "::ffff:127.0.0.1"])
def test_not_loopback(host: str) -> None:
    """These may reach further, or cannot be told."""
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("host", "expected"), [("10.0.0.1", True), ("::", True), ("host-1.example", True), ("", False), ("a/b", False)]
)
def test_bindable(host: str, expected: bool) -> None:
    """An address or a host name can be listened on."""
    assert is_bindable(host) is expected


@pytest.mark.parametrize(
    "url",
    [
        "embedded",
        "redis://localhost",
        "redis://:p%40ss@host:6379/2",
        "rediss://user:pass@host/0?ssl_ca_certs=/ca.pem",
        "unix:///run/valkey.sock",
        "unix:///run/valkey.sock?db=1",
        "redis+sentinel://u:p@s1:26379,s2,[::1]:26379/ledger/2?sentinel_password=x",
        "rediss+sentinel://s1/ledger",
        "redis+cluster://h1:7000,h2:7001",
        "rediss+cluster://:p%40ss@h1,h2/?ssl_ca_certs=/ca.pem",
    ],
)
def test_store_urls(url: str) -> None:
    """The forms that the store room reads."""
    assert is_store_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "redis",
        "redis://",
        "redis://host/x",
        "redis://host:x",
        "redis://:a#b@host",
        "unix://",
        "unix://host/a",
        "http://host",
        "redis://h1,h2",
        "redis+cluster://",
        "redis+cluster://h1,",
        "redis+cluster://h1/1",
        "redis+sentinel://h1",
        "redis+sentinel://h1/ledger/x",
        "redis+sentinel://h1:x/ledger",
    ],
)
def test_other_store_urls(url: str) -> None:
    """What is none of them is refused."""
    assert not is_store_url(url)


@pytest.mark.parametrize(
    "text",
    [
        "https://app.example.com",
        "http://localhost:3000",
        "https://10.0.0.1:8443",
        "http://[::1]:3000",
        "https://a_b.c:80",
    ],
)
def test_web_origins(text: str) -> None:
    """What a browser sends as the origin of a page."""
    assert is_web_origin(text)


@pytest.mark.parametrize(
    "text",
    [
        "*",
        "null",
        "",
        "app.example.com",
        "https://",
        "https://*.example.com",
        "https://app.example.com/",
        "https://App.example.com",
        "HTTPS://app.example.com",
        "https://app.example.com:443",
        "http://app.example.com:80",
        "https://app.example.com:0",
        "https://app.example.com:65536",
        "https://user@app.example.com",
        "https://app.example.com?a",
        "https://app.example.com\n",
        "file://host",
    ],
)
def test_what_no_browser_sends_is_no_web_origin(text: str) -> None:
    """Neither a pattern nor another spelling is taken: it would never match."""
    assert not is_web_origin(text)
