"""What a path asks for: logs of a day or of a month each, in a range of days (UTC). Pure.

An interval belongs to the range when it touches it: a month is always a whole one. An open begin is as far back as
usage is remembered, an open end is today; what lies outside of these is empty, and so is a range that ends before it
begins.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from gateway.api.consumption_logs.results import Refused, Result
from gateway.model.guid import parse_guid
from gateway.usage import Interval

_DATE = re.compile(r"[0-9]{8}", re.ASCII)
_DAY = timedelta(days=1)


class Kind(StrEnum):
    """How long an interval is; the value stands in paths and logs."""

    DAILY = "Daily"
    MONTHLY = "Monthly"


@dataclass(frozen=True, slots=True)
class Asked:
    """A range of days, both included; None is an open end."""

    kind: Kind
    first: date | None
    last: date | None

    def intervals(self, oldest: date, today: date) -> list[Interval]:
        """Give those of the range that begin by `today` and may hold anything since `oldest`, ascending."""
        first, last = self.first or oldest, self.last or today
        found: list[Interval] = []
        if first > last:
            return found
        first = max(first, _around(self.kind, oldest).first)
        last = min(last, _around(self.kind, today).until - _DAY)
        while first <= last:
            interval = _around(self.kind, first)
            found.append(interval)
            first = interval.until
        return found


def read_asked(params: Mapping[str, str]) -> Asked:
    """Read the type and the dates of a path; Refused names the first that is wrong."""
    kind = next((kind for kind in Kind if kind == params["type"]), None)
    if kind is None:
        raise Refused(Result.CONSUMPTIONLOG_INVALID_TYPE, "The type must be Daily or Monthly.")
    first = _date(params, "from", Result.CONSUMPTIONLOG_INVALID_DATE_FROM_FORMAT)
    last = _date(params, "to", Result.CONSUMPTIONLOG_INVALID_DATE_TO_FORMAT)
    return Asked(kind, first, last)


def read_id(params: Mapping[str, str], otherwise: Result) -> str:
    """Read the id of a path; Refused with this result if it is no GUID."""
    guid = parse_guid(params["id"])
    if guid is None:
        raise Refused(otherwise, "The ID must be a GUID.")
    return guid


def _date(params: Mapping[str, str], name: str, otherwise: Result) -> date | None:
    text = params.get(name)
    if text is None:
        return None
    try:
        if _DATE.fullmatch(text):
            return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        pass
    raise Refused(otherwise, f"The date {name} must be a day in the format yyyyMMdd.")


def _around(kind: Kind, day: date) -> Interval:
    if kind is Kind.DAILY:
        return Interval(day, day + _DAY)
    first = day.replace(day=1)
    return Interval(first, (first + 31 * _DAY).replace(day=1))
