"""What a request for usage asks for: days, grouping, format, whose. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from gateway.errors import BadRequest
from gateway.usage import By

DEFAULT_DAYS = 30
MOST_DAYS = 366
GROUPS = (By.PROVIDER, By.MODEL, By.PURPOSE, By.USER, By.AGENT, By.DAY, By.MONTH, By.ENDPOINT, By.KEY)
FORMATS = ("json", "csv")
PARAMETERS = ("start", "end", "group_by", "format", "company")


@dataclass(frozen=True, slots=True)
class Asked:
    """Days from `start` to `end` (UTC, both included); `company` is an id or a name, for those who may name one."""

    start: date
    end: date
    by: tuple[By, ...]
    format: str
    company: str | None


def read(query: Mapping[str, Sequence[str]], today: date) -> Asked:
    """Read the query; by default the last thirty days by provider, model and purpose. Raises BadRequest."""
    for name, values in query.items():
        if name not in PARAMETERS:
            raise BadRequest(f"There is no parameter {name!r}; there are {', '.join(PARAMETERS)}.", param=name)
        if len(values) > 1:
            raise BadRequest(f"{name} is given more than once.", param=name)
    end = _day(query, "end", today)
    start = _day(query, "start", end - min(timedelta(days=DEFAULT_DAYS - 1), end - date.min))
    if start > end:
        raise BadRequest("start is after end.", param="start")
    if (end - start).days >= MOST_DAYS:
        raise BadRequest(f"start and end are more than {MOST_DAYS} days apart.", param="start")
    found = query.get("format", ["json"])[0]
    if found not in FORMATS:
        raise BadRequest(f"format is one of {', '.join(FORMATS)}.", param="format")
    company = query["company"][0] if "company" in query else None
    return Asked(start, end, _groups(query), found, company)


def _groups(query: Mapping[str, Sequence[str]]) -> tuple[By, ...]:
    text = query.get("group_by", ["provider,model,purpose"])[0]
    names = [name.strip() for name in text.split(",")] if text else []
    allowed = [by.value for by in GROUPS]
    if not set(names) <= set(allowed) or len(set(names)) < len(names):
        raise BadRequest(f"group_by is a list of {', '.join(allowed)}, each once.", param="group_by")
    return tuple(By(name) for name in names)


def _day(query: Mapping[str, Sequence[str]], name: str, otherwise: date) -> date:
    if name not in query:
        return otherwise
    text = query[name][0]
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.isoformat() != text:
        raise BadRequest(f"{name} is a day like 2026-11-21.", param=name)
    return found
