"""How a key travels: every good way in, and one answer to every bad one."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from gateway.auth.credentials import MAX_KEY_CHARS, read_key
from gateway.errors import GatewayError, Unauthenticated
from tests.auth.people import ADA_KEY, NOW_MS, OLD_KEY, OPS_KEY, callers

WRONG = "Incorrect API key provided."


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", f"Bearer {ADA_KEY}")],
        [("authorization", f"bEaReR   {ADA_KEY} ")],
        [("Authorization", f"Token {ADA_KEY}")],
        [("X-Api-Key", ADA_KEY)],
        [("api-key", ADA_KEY)],
        [("x-goog-api-key", ADA_KEY)],
        [("Authorization", f"Bearer {ADA_KEY}"), ("x-api-key", ADA_KEY)],
        [("Authorization", "Bearer "), ("x-api-key", ADA_KEY)],
        [("x-api-key", ADA_KEY), ("x-api-key", ADA_KEY)],
    ],
)
def test_a_key_is_found_wherever_clients_put_it(headers: list[tuple[str, str]]) -> None:
    """Every SDK's way of sending a key is understood, and the same key twice is one key."""
    assert read_key(CIMultiDict(headers)) == ADA_KEY


@pytest.mark.parametrize("headers", [[], [("Authorization", "Bearer")], [("x-api-key", "")], [("Cookie", ADA_KEY)]])
def test_a_missing_key_gets_a_hint(headers: list[tuple[str, str]]) -> None:
    """Who sends no key is told how to send one, with the challenge that a 401 must carry."""
    with pytest.raises(Unauthenticated) as refused:
        read_key(CIMultiDict(headers))
    assert "Authorization: Bearer" in refused.value.message
    assert refused.value.headers["WWW-Authenticate"] == 'Bearer realm="gateway"'


@pytest.mark.parametrize(
    "headers",
    [
        [("Authorization", "Bearer sk-nobody-0123456789")],
        [("Authorization", f"Bearer {OLD_KEY}")],
        [("Authorization", f"Bearer {sha256(ADA_KEY.encode()).hexdigest()}")],
        [("Authorization", f"Basic {ADA_KEY}")],
        [("Authorization", ADA_KEY)],
        [("Authorization", f"Bearer {ADA_KEY}"), ("Authorization", f"Bearer {ADA_KEY}")],
        [("Authorization", f"Bearer {ADA_KEY}"), ("x-api-key", OPS_KEY)],
        [("x-api-key", ADA_KEY), ("x-api-key", OPS_KEY)],
        [("x-api-key", ADA_KEY + "a" * MAX_KEY_CHARS)],
        [("x-api-key", ADA_KEY[:-1])],
        [("x-api-key", f"{ADA_KEY}\udcff")],
        [("x-api-key", "sk-ключ-0123456789")],
        [("x-api-key", "' OR 1=1 --\x00")],
    ],
)
def test_every_wrong_key_gets_the_same_answer(headers: list[tuple[str, str]]) -> None:
    """Unknown, expired, doubled, malformed keys and a stored hash are refused in the same words."""
    with pytest.raises(Unauthenticated) as refused:
        callers().identify(CIMultiDict(headers), now_ms=NOW_MS)
    error = refused.value
    assert (error.status, error.message, error.code) == (401, WRONG, "invalid_api_key")
    assert error.headers == {"WWW-Authenticate": 'Bearer realm="gateway"'}


HEADER_NAMES = ["Authorization", "x-api-key", "api-key", "x-goog-api-key", "X-Gateway-User", "X-Gateway-Agent"]
HEADER_TEXT = st.one_of(
    st.text(st.characters(codec=None), max_size=80),
    st.sampled_from([ADA_KEY, f"Bearer {ADA_KEY}", f"Token {OPS_KEY}", f"bearer {OLD_KEY}", "Bearer"]),
)


@given(
    headers=st.lists(st.tuples(st.sampled_from(HEADER_NAMES), HEADER_TEXT), max_size=5),
    body_user=st.one_of(st.none(), st.text(max_size=40), st.integers(), st.lists(st.integers(), max_size=2)),
)
def test_no_headers_can_break_it(headers: list[tuple[str, str]], body_user: object) -> None:
    """Whatever the headers and the body say, the answer is a caller or an error of ours."""
    assert answer(headers, body_user) in {"ada", "service", "body", "ops", 400, 401, 403}


def answer(headers: list[tuple[str, str]], body_user: object) -> str | int:
    """Give the name of the caller's key, or the status of the refusal."""
    try:
        return callers().identify(CIMultiDict(headers), now_ms=NOW_MS, body_user=body_user).key.name
    except GatewayError as refused:
        return refused.status
