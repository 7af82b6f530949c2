"""Which pages may read an answer. No server here."""

import pytest

from gateway.api.consumption_logs.cors import granted, preflight

APP = "https://app.example.com"
ALLOWED = (APP, "http://localhost:3000")
STRANGE = [
    [],
    [""],
    ["null"],
    ["*"],
    ["https://app.example.com.evil.example"],
    ["https://evil.example/https://app.example.com"],
    ["https://sub.app.example.com"],
    ["http://app.example.com"],
    ["https://app.example.com:8443"],
    ["https://app.example.com/"],
    ["HTTPS://APP.EXAMPLE.COM"],
    [f"{APP}, {APP}"],
    [f"{APP} "],
    [APP, "https://evil.example"],
    [APP, APP],
]


def test_a_listed_origin_is_echoed() -> None:
    """With credentials, exactly, and never from a cache for another origin."""
    assert granted([APP], ALLOWED) == {
        "Access-Control-Allow-Origin": APP,
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }


def test_a_listed_origin_may_ask() -> None:
    """GET, with the content type that the API's client sends."""
    assert preflight([APP], ALLOWED) == {
        **granted([APP], ALLOWED),
        "Access-Control-Allow-Methods": "GET",
        "Access-Control-Allow-Headers": "Content-Type",
        "Access-Control-Max-Age": "600",
    }


@pytest.mark.parametrize("origins", STRANGE)
def test_another_origin_is_told_nothing(origins: list[str]) -> None:
    """No pattern, no suffix, no list: it gets no permission."""
    assert granted(origins, ALLOWED) == {"Vary": "Origin"}
    assert preflight(origins, ALLOWED) is None


@pytest.mark.parametrize("origins", [[APP], *STRANGE])
def test_nobody_is_listed_by_default(origins: list[str]) -> None:
    """Without a list there are no such headers at all."""
    assert granted(origins, ()) == {}
    assert preflight(origins, ()) is None
