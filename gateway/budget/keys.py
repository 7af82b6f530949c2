"""The names of the ledger's keys: the one place in this room that spells them (LEDGER: state).

Every name begins with the shard's hash tag, so that all keys of one call live in one slot.
"""

from gateway.model import Budget, Lifetime, Unit

LEASES = "L"
DEADLINES = "D"
EVENTS = "E"
CHANGES = "changes"
INSTALLATION = "installation"
"""Stands for a company's id where a budget spans companies: such budgets live together in the shard of this name."""


def shared(prefix: str) -> tuple[str, str, str]:
    """Give the three keys of a shard that every operation declares: leases, deadlines, events."""
    return prefix + LEASES, prefix + DEADLINES, prefix + EVENTS


def home(budget: Budget, company_id: str) -> str:
    """Give the id whose shard holds a budget that counts a call of this company."""
    return INSTALLATION if budget.scope.spans_companies else company_id


def state(prefix: str, budget: Budget) -> str:
    """Give the hash with a subject's counters; lifetime totals have one of their own, which never expires."""
    is_total = isinstance(budget.window, Lifetime) and budget.unit is not Unit.IN_FLIGHT
    return f"{prefix}{'bl' if is_total else 'b'}:{budget.subject}"


def buckets(prefix: str, budget: Budget) -> str:
    """Give the hash with the buckets of a rolling window."""
    return f"{prefix}w:{budget.subject}:{budget.id}"


def overrides(prefix: str, subject: str) -> str:
    """Give the hash with the limits set through an API for a subject."""
    return f"{prefix}o:{subject}"


def changes(prefix: str) -> str:
    """Give the hash that counts how often a limit of the shard was set through an API, in its field `CHANGES`."""
    return f"{prefix}o"


def traces(prefix: str, subject: str) -> tuple[str, ...]:
    """Give every key that tells of a subject: its counters, its totals, the limits set through an API."""
    return f"{prefix}b:{subject}", f"{prefix}bl:{subject}", overrides(prefix, subject)


def tombstone(prefix: str, call_id: str) -> str:
    """Give the key that remembers how a call ended."""
    return f"{prefix}t:{call_id}"


def company_subject(company_id: str) -> str:
    """Give the holder of a company's counters."""
    return f"c:{company_id}"


def user_subject(company_id: str, user_id: str) -> str:
    """Give the holder of a user's counters; a user id means something only inside its company."""
    return f"u:{company_id}:{user_id}"


def key_subject(company_id: str, key_name: str) -> str:
    """Give the holder of an API key's counters."""
    return f"k:{company_id}:{key_name}"


def agent_subject(company_id: str, agent_id: str) -> str:
    """Give the holder of an agent's counters."""
    return f"a:{company_id}:{agent_id}"


def provider_subject(provider: str) -> str:
    """Give the holder of a provider's counters, for all companies together."""
    return f"p:{provider}"


def installation_subject() -> str:
    """Give the holder of the counters of everything together."""
    return "i:all"
