"""The border: an error of redis-py, of hiredis or of the operating system becomes one of ours. No I/O.

The rule that matters: our own words only. A foreign message may hold an address, an argument or a credential.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    DataError,
    RedisError,
    ResponseError,
)
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from gateway.errors import StoreUnavailable

# States of a server in which nothing is wrong with the command (LEDGER.md section 8).
_AWAY_CODES = frozenset({"LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "OOM", "NOREPLICAS", "BUSY", "MISCONF"})
_REFUSED_CODES = frozenset({"NOAUTH", "WRONGPASS"})
_REFUSED_WORDS = "it refuses the credentials"

# The first that fits wins.
_AWAY_ERRORS: tuple[tuple[type[BaseException], str], ...] = (
    (AuthenticationError, _REFUSED_WORDS),
    (AuthorizationError, _REFUSED_WORDS),
    (BusyLoadingError, "it is loading its data"),
    (RedisTimeoutError, "it did not answer in time"),
    (TimeoutError, "it did not answer in time"),
    (RedisConnectionError, "the connection failed"),
    (RedisError, "the connection broke"),
    (OSError, "the connection failed"),
)


class CommandRefused(RuntimeError):
    """A mistake of ours: the server understood the command and refuses it as such; `code` is the kind of its error."""

    def __init__(self, code: str) -> None:
        super().__init__(f"the store refused a command: {code}")
        self.code = code


@contextmanager
def border() -> Iterator[None]:
    """Raise StoreUnavailable or CommandRefused from a foreign error."""
    try:
        yield
    except (RedisError, OSError) as exc:
        raise translate(exc) from exc


def translate(exc: RedisError | OSError) -> StoreUnavailable | CommandRefused:
    """Give our error for a foreign one."""
    error = origin(exc)
    if isinstance(error, ResponseError | DataError):
        return refusal(error.status_code or str(error))
    return unavailable(next(words for kind, words in _AWAY_ERRORS if isinstance(error, kind)))


def refusal(reply: str) -> StoreUnavailable | CommandRefused:
    """Give what an error reply means; its first word is its kind (https://valkey.io/topics/protocol/#simple-errors)."""
    code = reply.partition(" ")[0]
    if code in _REFUSED_CODES:
        return unavailable(_REFUSED_WORDS)
    return outage(code) or CommandRefused(code)


def outage(reply: str) -> StoreUnavailable | None:
    """Give the outage that an error reply means, also one that a script caught; None where the command is at fault."""
    code = reply.partition(" ")[0]
    return unavailable(f"it answers {code}") if code in _AWAY_CODES else None


def unavailable(reason: str) -> StoreUnavailable:
    """Give the error of a store that cannot be used now."""
    return StoreUnavailable(f"The budget store is not available: {reason}.", headers={"Retry-After": "1"})


def origin(error: BaseException | None) -> BaseException | None:
    """Give what an error is about: on a unix socket redis-py wraps a refused login into a ConnectionError."""
    return error.__cause__ if error and isinstance(error.__cause__, RedisError) else error
