"""The border: an error of redis-py, of hiredis or of the operating system becomes one of ours. No I/O.

The rule that matters: our own words only. A foreign message may hold an address, an argument or a credential.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from enum import Enum

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


class Meaning(Enum):
    """What to do about a server's state."""

    DOWN = "nobody can be served now: the store is away"
    FULL = "nothing new is taken, and what ends still is: the store is there"
    RETRY = "the command was not run: send it again, where the reply says, or once the script is loaded"
    LOCKED = "we may not log in: the store is away until an operator has changed that"
    FORBIDDEN = "we may not use one command: the store is there"


_HEADERS = {"Retry-After": "1"}
_CREDENTIALS = "it refuses the credentials"
_MOVING = "its data is being moved"

# In none of these states is anything wrong with the command (LEDGER.md section 8), and in none did it run. The words
# complete "The budget store is not available: ...", also for what moves for too long; a script that cannot be loaded is
# refused (CommandRefused): it does not compile, or SCRIPT LOAD is not permitted, which the checks at the start tell.
STATES: Mapping[str, tuple[Meaning, str]] = {
    "LOADING": (Meaning.DOWN, "it answers LOADING"),
    "READONLY": (Meaning.DOWN, "it answers READONLY"),
    "MASTERDOWN": (Meaning.DOWN, "it answers MASTERDOWN"),
    "CLUSTERDOWN": (Meaning.DOWN, "it answers CLUSTERDOWN"),
    "OOM": (Meaning.FULL, "it answers OOM"),
    "NOREPLICAS": (Meaning.DOWN, "it answers NOREPLICAS"),
    "BUSY": (Meaning.DOWN, "it answers BUSY"),
    "MISCONF": (Meaning.DOWN, "it answers MISCONF"),
    "DENIED": (Meaning.DOWN, "it is in protected mode"),
    "MOVED": (Meaning.RETRY, _MOVING),
    "ASK": (Meaning.RETRY, _MOVING),
    "TRYAGAIN": (Meaning.RETRY, _MOVING),
    "NOSCRIPT": (Meaning.RETRY, ""),
    "NOAUTH": (Meaning.LOCKED, _CREDENTIALS),
    "WRONGPASS": (Meaning.LOCKED, _CREDENTIALS),
    "NOPERM": (Meaning.FORBIDDEN, "it does not permit a command to the gateway's user"),
}
# Errors without a kind of their own (`ERR`), by how they begin.
_WORDS = (
    ("ERR max number of clients", (Meaning.DOWN, "it has too many clients")),
    ("ERR ACL failure in script", STATES["NOPERM"]),
    ("ERR The user executing the script", STATES["NOPERM"]),
)

# The first that fits wins.
_AWAY_ERRORS: tuple[tuple[type[BaseException], str], ...] = (
    (AuthenticationError, _CREDENTIALS),
    (AuthorizationError, _CREDENTIALS),
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


class StoreThere(StoreUnavailable):
    """The store answered that it does not do this now, which says nothing of what others ask of it."""


class StoreFull(StoreThere):
    """Out of memory: it holds nothing more, but charges what was held."""


class CommandForbidden(StoreThere):
    """The store's user may not use a command; `code` is the kind of its error."""

    def __init__(self, code: str) -> None:
        super().__init__(_sentence(STATES[code][1]), headers=_HEADERS)
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
        return refusal(f"{error.status_code} {error}" if error.status_code else str(error))
    return unavailable(next(words for kind, words in _AWAY_ERRORS if isinstance(error, kind)))


def refusal(reply: str) -> StoreUnavailable | CommandRefused:
    """Give what an error reply means; its first word is its kind (https://valkey.io/topics/protocol/#simple-errors)."""
    return outage(reply) or CommandRefused(code_of(reply))


def outage(reply: str) -> StoreUnavailable | None:
    """Give the outage that an error reply means, also one that a script caught; None where the command is at fault."""
    code = code_of(reply)
    if code not in STATES:
        return next((_away(*found) for start, found in _WORDS if reply.startswith(start)), None)
    return _away(*STATES[code], code) if STATES[code][1] else None


def is_away(failure: StoreUnavailable) -> bool:
    """Whether an error says that nobody can be served; else it is about what was asked."""
    return not isinstance(failure, StoreThere)


def _away(meaning: Meaning, words: str, code: str = "NOPERM") -> StoreUnavailable:
    match meaning:
        case Meaning.FORBIDDEN:
            return CommandForbidden(code)
        case Meaning.FULL:
            return StoreFull(_sentence(words), headers=_HEADERS)
        case Meaning.RETRY:
            return StoreThere(_sentence(words), headers=_HEADERS)
        case Meaning.DOWN | Meaning.LOCKED:
            return unavailable(words)


def code_of(reply: str) -> str:
    """Give the kind of an error reply."""
    return reply.partition(" ")[0]


def is_never_run(code: str) -> bool:
    """Whether a reply of this kind asks to send the command again: it was not run."""
    return code in STATES and STATES[code][0] is Meaning.RETRY


def unavailable(reason: str) -> StoreUnavailable:
    """Give the error of a store that cannot be used now."""
    return StoreUnavailable(_sentence(reason), headers=_HEADERS)


def _sentence(reason: str) -> str:
    return f"The budget store is not available: {reason}."


def origin(error: BaseException | None) -> BaseException | None:
    """Give what an error is about: on a unix socket redis-py wraps a refused login into a ConnectionError."""
    return error.__cause__ if error and isinstance(error.__cause__, RedisError) else error
