"""The numbers by which this API's clients tell what became of a request (memori-react, `error.ts`). Pure."""

from collections.abc import Sequence
from enum import IntEnum

from gateway.errors import Forbidden, GatewayError, MethodNotAllowed, TooManyTries, Unauthenticated


class Result(IntEnum):
    """A result code; the names are the clients' own. Those above zero are taken for what HTTP calls so."""

    OK = 0
    TENANT_NOT_FOUND = -1
    USER_NOT_FOUND = -12
    MEMORI_NOT_FOUND = -51
    SESSION_NOT_FOUND = -101
    SESSION_IS_NOT_ADMINISTRATIVE = -102
    CONSUMPTIONLOG_INVALID_TYPE = -901
    CONSUMPTIONLOG_INVALID_DATE_FROM_FORMAT = -902
    CONSUMPTIONLOG_INVALID_DATE_TO_FORMAT = -903
    CONSUMPTIONLOG_INVALID_USER_ID = -904
    CONSUMPTIONLOG_INVALID_MEMORI_ID = -905
    METHOD_NOT_ALLOWED = 405
    FAILED = 500


class Refused(GatewayError):
    """What only this API has a number for."""

    def __init__(self, result: Result, message: str) -> None:
        super().__init__(message)
        self.result = result


_RESULTS: Sequence[tuple[type[GatewayError], Result]] = (
    (Unauthenticated, Result.SESSION_NOT_FOUND),
    (TooManyTries, Result.SESSION_NOT_FOUND),
    (Forbidden, Result.SESSION_IS_NOT_ADMINISTRATIVE),
    (MethodNotAllowed, Result.METHOD_NOT_ALLOWED),
)


def result_of(error: GatewayError) -> Result:
    """Give an error's number."""
    if isinstance(error, Refused):
        return error.result
    return next((result for kind, result in _RESULTS if isinstance(error, kind)), Result.FAILED)
