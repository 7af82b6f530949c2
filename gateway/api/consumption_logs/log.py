"""One consumption log: an interval, a user, an agent ("memori"), in the fields of its schema. Pure."""

from collections.abc import Callable, Mapping
from uuid import UUID, uuid5

from gateway.api.consumption_logs.asked import Kind
from gateway.model import Agent, Company, User
from gateway.usage import Consumption, Counts, Interval, UsageKey

INT32_MAX = 2**31 - 1
BAR = "|"

Log = dict[str, str | int | dict[str, str] | None]


def log(
    kind: Kind, interval: Interval, company: Company, user: User | None, agent: Agent | None, consumed: Consumption
) -> Log:
    """Give the log of what was consumed; `user` and `agent` are None where no name is known.

    `to` is the midnight that ends the interval. The ID follows from what the log is about, so it never changes.
    """
    about = f"{kind}|{interval.first}|{consumed.user_id}|{consumed.agent_id}"
    totals = consumed.totals
    return {
        "consumptionLogID": str(uuid5(UUID(company.id), about)),
        "from": f"{interval.first}T00:00:00Z",
        "to": f"{interval.until}T00:00:00Z",
        "type": kind.value,
        "userID": consumed.user_id,
        "userName": user.name if user else None,
        "tenantName": company.name,
        "memoriID": consumed.agent_id,
        "memoriName": agent.name if agent else None,
        "totalSessions": _int32(consumed.sessions),
        "validSessions": _int32(consumed.valid_sessions),
        "completions": _int32(totals.completions),
        "deepThoughtValidSessions": _int32(consumed.deep_sessions),
        "deepThoughtCompletions": _int32(totals.completions_deep),
        "importedSize": totals.imported_chars,
        "nonChargeableCompletions": _int32(totals.free_completions),
        "nonChargeableDeepThoughtCompletions": _int32(totals.free_completions_deep),
        "nonChargeableImportedSize": totals.free_imported_chars,
        "promptTokens": _tokens(consumed.counts, lambda counts: counts.input),
        "completionTokens": _tokens(consumed.counts, lambda counts: counts.output),
    }


def _int32(number: int) -> int:
    return min(number, INT32_MAX)


def _tokens(counts: Mapping[UsageKey, Counts], amount: Callable[[Counts], int]) -> dict[str, str]:
    """Give digits by usage key, without what is zero."""
    return {BAR.join(key): str(tokens) for key, one in counts.items() if (tokens := amount(one))}
