"""The logs in plain Python: every call is remembered, and a log is counted anew from all of them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

Log = dict[str, Any]


COMPLETING = {
    *("chat", "completions", "responses", "responses_compact", "messages", "generate_content"),
    *("ollama_chat", "ollama_generate", "converse"),
}
"""What answers a person: the rest embeds, counts, listens or draws."""


@dataclass(frozen=True)
class Made:
    """One call as it was charged; names are those of the configuration, None where there is none."""

    day: date
    tenant: str
    user: tuple[str, str | None] | None
    agent: tuple[str, str | None] | None
    provider: str
    model: str
    hint: str
    chargeable: bool
    endpoint: str
    purpose: str
    session: str | None
    imported: int
    prompt: int
    completion: int

    @property
    def key(self) -> str:
        """The usage key."""
        charge = "$" if self.chargeable else ""
        return f"{self.provider}|{self.endpoint}|{self.hint}|{self.model}|{charge}|{self.purpose}"

    @property
    def completes(self) -> bool:
        """Whether it counts as a completion."""
        return self.endpoint in COMPLETING


def logs(calls: Iterable[Made], kind: str, first: date, last: date) -> list[Log]:
    """Give the logs of a range in any order, without their IDs."""
    groups: dict[tuple[date, date, str, Any, Any], list[Made]] = {}
    for call in calls:
        start, end = (call.day, call.day + timedelta(days=1)) if kind == "Daily" else month(call.day)
        if any(start <= day < end for day in days(first, last)):
            groups.setdefault((start, end, call.tenant, call.user, call.agent), []).append(call)
    return [log(kind, *group, made) for group, made in groups.items()]


def days(first: date, last: date) -> Iterator[date]:
    """Give the days of a range."""
    while first <= last:
        yield first
        first += timedelta(days=1)


def month(day: date) -> tuple[date, date]:
    """Give the 1st of the month and of the next."""
    after = date(day.year + 1, 1, 1) if day.month == 12 else date(day.year, day.month + 1, 1)
    return day.replace(day=1), after


def log(kind: str, start: date, end: date, tenant: str, user: Any, agent: Any, made: list[Made]) -> Log:
    """Count one log's calls."""
    user_id, user_name = user or (None, None)
    agent_id, agent_name = agent or (None, None)
    paid = [call for call in made if call.chargeable]
    free = [call for call in made if not call.chargeable]

    def completions(calls: list[Made], purposes: str = "QA DT IE") -> list[Made]:
        return [call for call in calls if call.completes and call.purpose in purposes.split()]

    def sessions(calls: list[Made]) -> int:
        return len({call.session for call in calls} - {None})

    def tokens(name: str) -> dict[str, str]:
        sums = Counter[str]()
        for call in made:
            sums[call.key] += getattr(call, name)
        return {key: str(count) for key, count in sums.items() if count}

    return {
        "from": f"{start}T00:00:00Z",
        "to": f"{end}T00:00:00Z",
        "type": kind,
        "userID": user_id,
        "userName": user_name,
        "tenantName": tenant,
        "memoriID": agent_id,
        "memoriName": agent_name,
        "totalSessions": sessions(made),
        "validSessions": sessions(completions(paid)),
        "completions": len(completions(paid)),
        "deepThoughtValidSessions": sessions(completions(paid, "DT")),
        "deepThoughtCompletions": len(completions(paid, "DT")),
        "importedSize": sum(call.imported for call in paid if call.purpose == "IE"),
        "nonChargeableCompletions": len(completions(free)),
        "nonChargeableDeepThoughtCompletions": len(completions(free, "DT")),
        "nonChargeableImportedSize": sum(call.imported for call in free if call.purpose == "IE"),
        "promptTokens": tokens("prompt"),
        "completionTokens": tokens("completion"),
    }
