"""Errors in the words of the framework. Pure."""

import pytest
from multidict import CIMultiDict

from gateway.api.chat_quota.words import InvalidFields, told
from gateway.errors import BodyTooLarge, Forbidden, GatewayError, MethodNotAllowed, StoreUnavailable, Unauthenticated

NONE = "Authentication credentials were not provided."
EMPTY = "Invalid token header. No credentials provided."
SPACES = "Invalid token header. Token string should not contain spaces."
WRONG = "Invalid token."


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({}, NONE),
        ({"Authorization": ""}, NONE),
        ({"Authorization": "Basic abc"}, NONE),
        ({"Authorization": "Tokens abc"}, NONE),
        ({"Authorization": "abc"}, NONE),
        ({"Authorization": "Token"}, EMPTY),
        ({"Authorization": "bearer "}, EMPTY),
        ({"Authorization": "Token a b"}, SPACES),
        ({"Authorization": "Token a"}, WRONG),
        ({"authorization": "tOKEN  a"}, WRONG),
        ({"Authorization": "Bearer a"}, WRONG),
        ({"x-api-key": "a"}, WRONG),
        ({"x-api-key": " "}, NONE),
        ({"Authorization": "Token", "x-api-key": "a"}, WRONG),
    ],
)
def test_a_401_says_what_is_wrong_with_the_header(headers: dict[str, str], words: str) -> None:
    """None, an empty one, one with spaces, a wrong one; another scheme is none."""
    assert told(Unauthenticated("no"), "GET", CIMultiDict(headers)) == {"detail": words}


@pytest.mark.parametrize(
    ("error", "body"),
    [
        (MethodNotAllowed("x"), {"detail": 'Method "PUT" not allowed.'}),
        (Forbidden("You may not."), {"detail": "You may not."}),
        (BodyTooLarge("Too large."), {"detail": "Too large."}),
        (StoreUnavailable("Away."), {"detail": "Away."}),
        (GatewayError("Something."), {"detail": "Something."}),
        (InvalidFields({"a": ["b", "c"]}), {"a": ["b", "c"]}),
    ],
)
def test_each_error_is_a_sentence_or_names_its_fields(error: GatewayError, body: dict[str, object]) -> None:
    """One `detail`, or a list of sentences for each field."""
    assert told(error, "PUT", CIMultiDict()) == body
