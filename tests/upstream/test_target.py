"""Where a request goes, and its head."""

import pytest

from gateway.upstream.target import target


def test_a_head_is_the_text_of_its_parts() -> None:
    """The path stays as it is written; the host has its port where it is not the scheme's own."""
    to = target("https://api.example:8443/v1/", "/a%2Fb?k=%20")
    assert (to.host, to.port, to.is_tls) == ("api.example", 8443, True)
    assert to.head({"X-A": "é"}, 3) == (
        "POST /v1/a%2Fb?k=%20 HTTP/1.1\r\nHost: api.example:8443\r\nX-A: é\r\nContent-Length: 3\r\n\r\n".encode()
    )


def test_a_host_is_named_as_it_travels() -> None:
    """No default port, brackets around IPv6."""
    assert b"Host: [::1]\r\n" in target("http://[::1]", "/").head({}, 0)
    assert b"Host: api.example\r\n" in target("https://api.example:443", "/").head({}, 0)


@pytest.mark.parametrize(
    "base_url", ["ftp://host", "http://user@host", "http://user:secret@host", "http://", "nonsense", "http://bücher"]
)
def test_what_is_no_http_url_is_refused(base_url: str) -> None:
    """Other schemes, credentials in the URL, no host."""
    with pytest.raises(ValueError, match="URL"):
        target(base_url, "/")


@pytest.mark.parametrize("path", ["/a b", "/a\r\nEvil: 1", "/a\nb", "/a\0b", "/ä"])
def test_a_path_is_one_word(path: str) -> None:
    """No path can end the request line."""
    with pytest.raises(ValueError, match="word"):
        target("http://host", path)


@pytest.mark.parametrize("value", ["a\r\nEvil: 1", "a\nb", "a\rb", "a\0b"])
def test_a_header_is_one_line(value: str) -> None:
    """In a name as in a value."""
    for headers in ({"X-A": value}, {value: "x"}):
        with pytest.raises(ValueError, match="control"):
            target("http://host", "/").head(headers, 0)
