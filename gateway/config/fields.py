"""Owns the types of settings: what a text means, and the words that say what is allowed.

Each type is an `Annotated` whose validator takes the text of the file and gives the value. A wrong text gives one
message, which names everything that is allowed; the text itself is never repeated.
"""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, TypeVar
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator
from pydantic_core import PydanticCustomError

from gateway.config.address import is_bindable, is_network, is_store_url, is_web_origin, url_problem, webhook_problem
from gateway.model import (
    CATEGORIES,
    DIALECT_WIRES,
    Enforcement,
    OnDisconnect,
    OnFailure,
    Period,
    Role,
    Scope,
    Unit,
    Unpriced,
)
from gateway.model.guid import parse_guid

T = TypeVar("T")

MAX_LIMIT = 10**12
MAX_DOLLARS = 10**8
"""In micro-dollars far below 2^53, where the integers of the store end."""
MAX_MODEL_TOKENS = 10**8
"""More than any model takes or gives."""
MAX_SECONDS = 86_400

STORE_URL_WORDS = (
    "must be `embedded`, redis://HOST[:PORT][/DB], unix:///PATH, redis+sentinel://HOST[:PORT],HOST.../SERVICE[/DB] or "
    "redis+cluster://HOST[:PORT],HOST... (rediss for TLS; percent-encode special characters in a password)"
)

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9._-])?", re.ASCII)
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,14}|[1-9][0-9]{0,2}(?:_[0-9]{3}){1,4})", re.ASCII)
_DECIMAL = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,6})?", re.ASCII)
_SWITCH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _read(meaning: Callable[[str], T | None], words: str) -> BeforeValidator:
    """Make the validator of a type: `meaning` gives None for a text that is not allowed, `words` say what is."""

    def validate(value: Any) -> T:
        result = meaning(value) if isinstance(value, str) else None
        if result is None:
            raise PydanticCustomError("words", "{words}", {"words": words})
        return result

    return BeforeValidator(validate)


def _whole(low: int, high: int, words: str = "") -> BeforeValidator:
    def meaning(text: str) -> int | None:
        number = int(text) if _WHOLE.fullmatch(text) else None
        return number if number is not None and low <= number <= high else None

    return _read(meaning, words or f"must be a whole number from {low:,} to {high:,}")


def _decimal(high: int) -> BeforeValidator:
    def meaning(text: str) -> Decimal | None:
        number = Decimal(text) if _DECIMAL.fullmatch(text) else None
        return number if number is not None and number <= high else None

    return _read(meaning, f"must be a number from 0 to {high:,} with at most 6 decimals")


def _amount(text: str) -> Decimal | None:
    if _WHOLE.fullmatch(text):
        number = Decimal(text)
        return number if -1 <= number <= MAX_LIMIT else None
    return Decimal(text) if "." in text and _DECIMAL.fullmatch(text) else None


def _seconds(text: str) -> float | None:
    number = float(text) if _DECIMAL.fullmatch(text) else None
    return number if number is not None and 0 < number <= MAX_SECONDS else None


def _text(pattern: str, words: str) -> BeforeValidator:
    compiled = re.compile(pattern, re.ASCII)
    return _read(lambda text: text if compiled.fullmatch(text) else None, words)


def _webhook_url(value: Any) -> str:
    problem = webhook_problem(value) if isinstance(value, str) else "must be a URL"
    if problem is not None:
        raise PydanticCustomError("words", "{words}", {"words": problem})
    return str(value)


def _rising(numbers: tuple[int, ...]) -> tuple[int, ...]:
    if sorted(set(numbers)) != list(numbers):
        raise PydanticCustomError("words", "{words}", {"words": "must rise, each number once, such as [80, 95, 100]"})
    return numbers


def _base_url(value: Any) -> str:
    problem = url_problem(value) if isinstance(value, str) else "must be a URL"
    if problem is not None:
        raise PydanticCustomError("words", "{words}", {"words": problem})
    return str(value).rstrip("/")


def _word(choices: Iterable[str]) -> BeforeValidator:
    allowed = tuple(choices)
    return _read(lambda text: text if text in allowed else None, f"must be {_either(allowed)}")


def _member(kind: type[StrEnum]) -> BeforeValidator:
    members = {member.value: member for member in kind}
    return _read(members.get, f"must be {_either(members)}")


def _either(choices: Iterable[str]) -> str:
    *most, last = choices
    return f"{', '.join(most)} or {last}" if most else last


def _zone(text: str) -> str | None:
    try:
        return ZoneInfo(text).key
    except (KeyError, ValueError, OSError):
        return None


def _moment_ms(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // timedelta(milliseconds=1)


def _name(text: str) -> str | None:
    # A name that looks like a GUID could be taken for the id of another.
    return text if _NAME.fullmatch(text) and parse_guid(text) is None else None


Port = Annotated[int, _whole(0, 65_535)]
Workers = Annotated[int, _whole(1, 64)]
Crowd = Annotated[int, _whole(1, 1_000_000)]
BodyBytes = Annotated[int, _whole(1_024, 2**30)]
BodyMemory = Annotated[int, _whole(1_024, 2**40)]
DrainSeconds = Annotated[int, _whole(0, 3_600)]
RetentionDays = Annotated[int, _whole(1, 3_650)]
LeaseSeconds = Annotated[int, _whole(1, 3_600)]
ModelTokens = Annotated[int, _whole(1, MAX_MODEL_TOKENS)]
Tokens = Annotated[int, _whole(0, MAX_LIMIT)]
PromptTokens = Annotated[int, _whole(0, MAX_MODEL_TOKENS)]
Limit = Annotated[int, _whole(-1, MAX_LIMIT, "must be -1 (unlimited), 0 (blocked) or a whole number up to 10^12")]
# What a number may be besides follows from the unit, which only `limits` looks at.
BudgetLimit = Annotated[
    Decimal,
    _read(_amount, "must be -1 (unlimited), 0 (blocked) or a whole number up to 10^12, in usd with at most 6 decimals"),
]
# Every one of these lengths is a whole number of buckets, and of at most 480 of them (LEDGER.md section 2).
WindowDays = Annotated[int, _whole(1, 480)]
WindowSeconds = Annotated[int, _whole(1, 31 * 86_400)]
Seconds = Annotated[float, _read(_seconds, f"must be a number of seconds, above 0 and at most {MAX_SECONDS:,}")]
WebhookSeconds = Annotated[int, _whole(1, 60)]
Percent = Annotated[int, _whole(0, 100)]
Percents = Annotated[tuple[Annotated[int, _whole(1, 100)], ...], AfterValidator(_rising)]
Weight = Annotated[Decimal, _decimal(1_000)]
Credit = Annotated[Decimal, _decimal(1_000_000)]
Dollars = Annotated[Decimal, _decimal(100_000)]
Switch = Annotated[bool, _read(lambda text: _SWITCH.get(text.lower()), "must be true or false")]

Zone = Annotated[str, _read(_zone, "must be the name of an IANA time zone, such as UTC or Europe/Rome")]
Moment = Annotated[int, _read(_moment_ms, "must be an ISO 8601 date or time, such as 2030-01-31 or 2030-01-31T12:00Z")]
Guid = Annotated[str, _read(parse_guid, "must be a GUID, such as 11111111-1111-4111-8111-111111111111")]
Name = Annotated[str, _read(_name, "must be 1 to 64 letters, digits, spaces, `.`, `_` or `-`, and must not be a GUID")]
Reference = Annotated[str, _text(r"[ -~]{1,64}", "must be a name or an id")]
Label = Annotated[str, _text(r"[A-Za-z0-9_-]{1,64}", "must be 1 to 64 letters, digits, `_` or `-`")]
ProviderName = Annotated[str, _text(r"[A-Za-z0-9_.-]{1,64}", "must be 1 to 64 letters, digits, `.`, `_` or `-`")]
PurposeCode = Annotated[str, _text(r"[A-Za-z0-9_.:-]{1,64}", "must be 1 to 64 letters, digits, `.`, `_`, `:` or `-`")]
ModelName = Annotated[
    str, _text(r"[A-Za-z0-9._:@/*-]{1,128}", "must be 1 to 128 letters, digits or `. _ : @ / -`, with `*` in a pattern")
]
ExactModelName = Annotated[str, _text(r"[A-Za-z0-9._:@/-]{1,128}", "must be the exact name of a model, no pattern")]
Glob = Annotated[str, _text(r"[A-Za-z0-9._:@/*-]{1,128}", "must be a name, or a pattern with `*`")]
Description = Annotated[
    str, _text(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,200}", "must be one line of at most 200 characters")
]
FilePath = Annotated[str, _text(r"[^\x00-\x1f]{1,4096}", "must be a file path")]

Host = Annotated[str, _read(lambda text: text if is_bindable(text) else None, "must be an IP address or a host name")]
Network = Annotated[
    str,
    _read(
        lambda text: text if is_network(text) else None,
        "must be an IP address or a network, such as 10.1.0.0/16, without bits beyond its length",
    ),
]
WebHost = Annotated[
    str,
    _text(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,252}|\[[0-9A-Fa-f:.]+\]", "must be a host name or an address, without a port"),
]
BaseUrl = Annotated[str, BeforeValidator(_base_url)]
WebhookUrl = Annotated[str, BeforeValidator(_webhook_url)]
WebOrigin = Annotated[
    str,
    _read(
        lambda text: text if is_web_origin(text) else None,
        "must be an origin as browsers send it: https://HOST or https://HOST:PORT in lower case, without a path",
    ),
]
StoreUrl = Annotated[str, _read(lambda text: text if is_store_url(text) else None, STORE_URL_WORDS)]
KeyText = Annotated[str, _text(r"[A-Za-z0-9._~-]{16,512}", "must be 16 to 512 letters, digits, `.`, `_`, `~` or `-`")]
Sha256 = Annotated[str, _text(r"[0-9a-fA-F]{64}", "must be a SHA-256 in 64 hexadecimal digits")]
SigningSecret = Annotated[str, _text(r"[!-~]{16,512}", "must be 16 to 512 printable ASCII characters, without spaces")]
Credential = Annotated[str, _text(r"[!-~]*", "must be printable ASCII without spaces or line ends")]
HeaderName = Annotated[str, _text(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}", "must be the name of an HTTP header")]
HeaderValue = Annotated[str, _text(r"[!-~](?:[ -~]*[!-~])?", "must be printable ASCII on one line, and not empty")]

Dialect = Annotated[str, _word(tuple(DIALECT_WIRES))]
ApiVersion = Annotated[str, _text(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:-preview)?", "must be a date such as `2025-04-01`")]
Category = Annotated[str, _word(CATEGORIES)]
Disconnect = Annotated[OnDisconnect, _member(OnDisconnect)]
KeyRole = Annotated[Role, _member(Role)]
BudgetScope = Annotated[Scope, _member(Scope)]
BudgetUnit = Annotated[Unit, _member(Unit)]
CalendarPeriod = Annotated[Period, _member(Period)]
Strictness = Annotated[Enforcement, _member(Enforcement)]
Failure = Annotated[OnFailure, _member(OnFailure)]
PricelessModels = Annotated[Unpriced, _member(Unpriced)]
