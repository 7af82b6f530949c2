"""The names of this room's keys, `T` being the shard of a company.

`T:n:<subject>:<budget>:<end of the window>:<limit>:<threshold>` marks a warning as told: its id, until the window ends.
`T:N` holds the ids that wait for the webhook by the instant (ms) at which one is due (zset), `T:P` the warnings
themselves: `<marked ms> <attempts> <JSON>` (hash).
"""

from gateway.model import Level
from gateway.warnings.crossing import ends_at_ms

_INSTALLATION = "installation"
"""Whose shard has what is told of budgets that span companies: told once, whichever company's call notices it."""


def home(level: Level, company_id: str) -> str:
    """Give the id whose shard knows what was told of a budget, for a call of this company."""
    return _INSTALLATION if level.budget.scope.spans_companies else company_id


def mark(prefix: str, level: Level, threshold: int) -> str:
    """Give the key that stands once a threshold of a budget has been told; a changed limit has another."""
    budget = level.budget
    end = ends_at_ms(level)
    return f"{prefix}n:{budget.subject}:{budget.id}:{'-' if end is None else end}:{level.limit}:{threshold}"


def due(prefix: str) -> str:
    """Give the shard's waiting ids, by when they are due."""
    return f"{prefix}N"


def waiting(prefix: str) -> str:
    """Give the shard's waiting warnings, by id."""
    return f"{prefix}P"
