"""Errors in Gemini's words."""

import pytest

from gateway.errors import (
    BadRequest,
    BodyTooLarge,
    BudgetRefused,
    GatewayError,
    ModelNotFound,
    StoreUnavailable,
    Unauthenticated,
    UpstreamBroken,
    UpstreamSilent,
)
from gateway.providers.gemini.endings import error_body, error_headers

AWAY = StoreUnavailable("Away.", headers={"Retry-After": "2"})


def refused(headers: dict[str, str]) -> BudgetRefused:
    return BudgetRefused("No.", type_="rate_limit_exceeded", code="rate_limited", budget={"name": "a"}, headers=headers)


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (BadRequest("No.", param="contents"), 400, "INVALID_ARGUMENT"),
        (BodyTooLarge("No."), 413, "INVALID_ARGUMENT"),
        (Unauthenticated("No."), 401, "UNAUTHENTICATED"),
        (ModelNotFound("No."), 404, "NOT_FOUND"),
        (refused({}), 429, "RESOURCE_EXHAUSTED"),
        (GatewayError("No."), 500, "INTERNAL"),
        (UpstreamBroken("No.", sent=True), 502, "UNAVAILABLE"),
        (UpstreamSilent("No.", sent=True), 504, "DEADLINE_EXCEEDED"),
        (AWAY, 503, "UNAVAILABLE"),
    ],
)
def test_each_error_has_its_status(error: GatewayError, code: int, status: str) -> None:
    """The HTTP status and Google's word for it, and our own code as the reason."""
    told = error_body(error, "01J")["error"]
    assert (told["code"], told["status"], told["message"]) == (code, status, error.message)
    info = told["details"][0]
    assert (info["@type"], info["domain"]) == ("type.googleapis.com/google.rpc.ErrorInfo", "gateway")
    assert info["reason"] == str(error.code).upper()
    assert info["metadata"].get("param") == error.param
    assert error_headers(error, "01J") == {"x-request-id": "01J"}


@pytest.mark.parametrize(
    ("error", "delays"),
    [
        (AWAY, ["2s"]),
        (refused({"Retry-After": "7"}), ["7s"]),
        (refused({"Retry-After": "700000", "x-should-retry": "false"}), []),
        (refused({}), []),
    ],
)
def test_who_is_told_to_come_back(error: GatewayError, delays: list[str]) -> None:
    """RetryInfo stands where coming back soon helps, and nowhere else."""
    details = error_body(error, "01J")["error"]["details"]
    assert [one["retryDelay"] for one in details if one["@type"].endswith("RetryInfo")] == delays


def test_a_refused_budget_is_shown() -> None:
    """With its numbers."""
    assert error_body(refused({}), "01J")["error"]["budget"] == {"name": "a"}
