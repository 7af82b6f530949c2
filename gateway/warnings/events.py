"""What is told of a warning: one JSON object, and the same in the fields of a log line. No I/O.

The rule that matters: ids and names of the configuration, and numbers; nothing that a client wrote.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.model import Agent, Caller, Company, Level, Scope, Unit, User
from gateway.warnings.crossing import percent

TYPE = "budget.threshold"

Event = Mapping[str, Any]


def event_of(event_id: str, caller: Caller, level: Level, threshold: int) -> Event:
    """Give a warning; `user`, `key`, `agent` and `provider` are null unless it is their budget.

    `company` is null where the budget counts all of them.
    """
    budget, scope = level.budget, level.budget.scope
    return {
        "id": event_id,
        "type": TYPE,
        "budget": budget.name,
        "scope": scope.value,
        "company": None if scope.spans_companies else _named(caller.company),
        "user": _named(caller.user) if scope is Scope.USER else None,
        "key": caller.key.name if scope is Scope.KEY else None,
        "agent": _named(caller.agent) if scope is Scope.AGENT else None,
        "provider": budget.subject.partition(":")[2] if scope is Scope.PROVIDER else None,
        "window": budget.window.code,
        "unit": "usd_micros" if budget.unit is Unit.USD else budget.unit.value,
        "limit": level.limit,
        "used": level.used,
        "percent": percent(level),
        "threshold": threshold,
        "resets_at": _instant(level.resets_at_ms),
    }


def log_fields(event: Event) -> dict[str, str | int]:
    """Give a warning as fields of a log line: people by name, what is null left out."""
    names = {name: value["name"] if isinstance(value, dict) else value for name, value in event.items()}
    return {name: value for name, value in names.items() if value is not None and name != "type"}


def encode(event: Event) -> bytes:
    """Give a warning as it waits for the webhook."""
    return msgspec.json.encode(event)


def body_of(waiting: bytes, marked_ms: int) -> bytes:
    """Give a waiting warning as it is posted: with `at`, the store's instant at which it was noticed."""
    return msgspec.json.encode({**msgspec.json.decode(waiting), "at": _instant(marked_ms)})


def _named(one: Company | User | Agent | None) -> dict[str, str] | None:
    return None if one is None else {"id": one.id, "name": one.name}


def _instant(at_ms: int | None) -> str | None:
    """Give an instant as `/v1/budget` does: `2026-11-23T00:00:00Z` (RFC 3339), rounded up to the second."""
    if at_ms is None:
        return None
    return datetime.fromtimestamp(-(-at_ms // 1000), UTC).isoformat().replace("+00:00", "Z")
