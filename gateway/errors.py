"""One tree of errors, raised deep and rendered once.

    GatewayError                     status, type, code, message, param, headers
     +- BadRequest            400    +- NotFound           404    +- UpstreamError         502
     |   +- UnsupportedMedia  415    |   +- NotMetered       404    |   +- UpstreamUnreachable
     |   +- BodyTooLarge      413    |   +- ModelNotFound    404    |   +- UpstreamBroken
     |   +- TooSlow           408    +- BudgetRefused      429    |   +- UpstreamSilent  504
     |   +- WrongHost         421    +- ProviderOff        503    +- StoreUnavailable      503
     +- Unauthenticated       401    +- Overloaded         503
     +- TooManyTries          429    |
     +- Forbidden             403    +- Conflict           409
     |   +- PriceUnknown      403
    ConfigError                      what is wrong with the YAML, all of it at once
    StoreRefused                     why the gateway will not start on this store

`type` and `code` are OpenAI's words where OpenAI has them (https://platform.openai.com/docs/guides/error-codes).
Foreign errors become one of these at three borders only: `upstream`, `store`, `config`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar


class GatewayError(Exception):
    """Something a client is told: an HTTP status with a machine-readable type and code."""

    status: ClassVar[int] = 500
    type: str = "server_error"
    code: str | None = "internal_error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.headers: Mapping[str, str] = headers or {}
        if code is not None:
            self.code = code


class BadRequest(GatewayError):
    """The request cannot be understood or is not allowed here; `param` names the field."""

    status = 400
    type = "invalid_request_error"
    code = "invalid_request"


class BodyTooLarge(BadRequest):
    """The body is over `server.max_body_bytes`."""

    status = 413
    code = "request_too_large"


class UnsupportedMedia(BadRequest):
    """The body is not plain `application/json` in UTF-8."""

    status = 415
    code = "unsupported_media_type"


class TooSlow(BadRequest):
    """The request did not arrive within `server.header_seconds` or `server.body_seconds`."""

    status = 408
    code = "request_timeout"


class WrongHost(BadRequest):
    """`Host` names a server that this one is not (RFC 9110 section 15.5.20)."""

    status = 421
    code = "wrong_host"


class Unauthenticated(GatewayError):
    """No key, an unknown key or an expired one; the same words for each."""

    status = 401
    type = "invalid_request_error"
    code = "invalid_api_key"


class TooManyTries(GatewayError):
    """More requests without a good key have come from an address than `server.wrong_keys_per_minute`."""

    status = 429
    type = "rate_limit_error"
    code = "too_many_wrong_keys"

    def __init__(self, wait_seconds: int) -> None:
        super().__init__(
            "Too many requests without a good API key have come from this address.",
            headers={"Retry-After": str(wait_seconds)},
        )


class Forbidden(GatewayError):
    """A known key may not do this."""

    status = 403
    type = "permission_error"
    code = "forbidden"


class PriceUnknown(Forbidden):
    """A budget counts dollars, and what the model costs is not known: nothing says that the call would fit."""

    type = "invalid_request_error"
    code = "model_without_price"

    def __init__(self, model: str, budget: str) -> None:
        super().__init__(
            f"The model `{model}` has no price, and budget '{budget}' counts dollars. "
            "The gateway's configuration can give it one: `price`, at the model.",
            param="model",
        )


class NotFound(GatewayError):
    """No such endpoint: what is not metered is refused."""

    status = 404
    type = "invalid_request_error"
    code = "unknown_url"


class NotMetered(NotFound):
    """A provider's endpoint that the gateway cannot meter, and so does not serve."""

    code = "endpoint_not_metered"


class ModelNotFound(NotFound):
    """No provider lists this model, or the key may not use it."""

    code = "model_not_found"


class MethodNotAllowed(GatewayError):
    """The endpoint exists, not with this method."""

    status = 405
    type = "invalid_request_error"
    code = "method_not_allowed"


class Conflict(GatewayError):
    """What is asked contradicts what was asked before under the same name."""

    status = 409
    type = "invalid_request_error"
    code = "conflict"


class BudgetRefused(GatewayError):
    """A budget has no room for the call; `budget` is the object clients see (DESIGN.md section 4)."""

    status = 429
    type = "insufficient_quota"
    code = "budget_exceeded"

    def __init__(
        self, message: str, *, type_: str, code: str, budget: Mapping[str, Any], headers: Mapping[str, str]
    ) -> None:
        super().__init__(message, code=code, headers=headers)
        self.type = type_
        self.budget = budget


class UpstreamError(GatewayError):
    """The provider failed in a way that has no HTTP answer of its own; `sent` says whether a request byte left."""

    status = 502
    type = "api_error"
    code = "upstream_error"

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class UpstreamUnreachable(UpstreamError):
    """No connection to the provider could be made."""

    code = "upstream_unreachable"


class UpstreamBroken(UpstreamError):
    """The provider's connection ended or talked nonsense in the middle."""

    code = "upstream_broken"


class UpstreamSilent(UpstreamError):
    """The provider did not answer, or stopped talking, within its timeout."""

    status = 504
    code = "upstream_timeout"


class ProviderOff(GatewayError):
    """The model is listed by a provider that has no credential."""

    status = 503
    type = "api_error"
    code = "provider_off"


class Overloaded(GatewayError):
    """The gateway has as many connections, requests in flight or bytes of bodies as it takes; no budget is at fault."""

    status = 503
    type = "api_error"
    code = "overloaded"

    def __init__(self, message: str) -> None:
        super().__init__(message, headers={"Retry-After": "1"})


class StoreUnavailable(GatewayError):
    """The ledger's store cannot be reached: nothing is forwarded (never a 429: no budget is at fault)."""

    status = 503
    type = "api_error"
    code = "store_unavailable"


class StoreRefused(Exception):
    """The store answers but must not be used: the message says what to change."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in the configuration, with its place (1-based)."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        """`config.yaml:12:5: budgets.0.limit: must be ...`."""
        where = f"{self.file}:{self.line}:{self.column}: "
        return f"{where}{self.path}: {self.message}" if self.path else f"{where}{self.message}"


class ConfigError(Exception):
    """Everything wrong with a configuration file, in the order of its lines."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems, key=lambda p: (p.line, p.column, p.path))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def forget(error: BaseException | None) -> None:
    """Have an error that was told of, and all that led to it, forget where they were raised.

    A traceback holds the frames that an error came through, with the whole call, and often the error itself: a cycle,
    which stays until the garbage collector looks at it.
    """
    waiting, seen = [error], set[int]()
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            one.__traceback__ = None
            waiting += (one.__cause__, one.__context__)


@contextmanager
def ignoring(*kinds: type[BaseException]) -> Iterator[None]:
    """Let errors of some kinds end the block, and forget them."""
    try:
        yield
    except kinds as error:
        forget(error)
