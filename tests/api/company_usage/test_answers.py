"""Errors of every room in this family's words; pure."""

import pytest

from gateway.api.company_usage.answers import status_members
from gateway.api.company_usage.fields import Invalid
from gateway.errors import (
    BadRequest,
    BodyTooLarge,
    Conflict,
    Forbidden,
    GatewayError,
    MethodNotAllowed,
    NotFound,
    StoreUnavailable,
    Unauthenticated,
    UnsupportedMedia,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (BadRequest("m", code="some_code"), "BadRequest"),
        (Invalid("m"), "SerializationException"),
        (Invalid("m", code="NotNull"), "NotNull"),
        (Forbidden("m"), "Forbidden"),
        (NotFound("m"), "NotFound"),
        (MethodNotAllowed("m"), "MethodNotAllowed"),
        (Conflict("m"), "Conflict"),
        (BodyTooLarge("m"), "RequestEntityTooLarge"),
        (UnsupportedMedia("m"), "UnsupportedMediaType"),
        (StoreUnavailable("m"), "ServiceUnavailable"),
        (GatewayError("m"), "InternalServerError"),
    ],
    ids=lambda one: type(one).__name__,
)
def test_an_error_has_a_code_as_net_has_them(error: GatewayError, code: str) -> None:
    """The status names the code, unless this family's own binding failed; the message stays."""
    assert status_members(error) == {"ResponseStatus": {"ErrorCode": code, "Message": "m"}}


def test_a_field_at_fault_is_named() -> None:
    """`Errors` repeats code and message beside the field."""
    error = {"ErrorCode": "NotNull", "FieldName": "TokensUsed", "Message": "m"}
    status = {"ErrorCode": "NotNull", "Message": "m", "Errors": [error]}
    assert status_members(Invalid("m", code="NotNull", param="TokensUsed")) == {"ResponseStatus": status}


def test_a_401_says_nothing_more() -> None:
    """Whatever was wrong with a key, the words are the real server's."""
    status = {"ErrorCode": "Unauthorized", "Message": "Not Authenticated"}
    assert status_members(Unauthenticated("anything")) == {"ResponseStatus": status}
