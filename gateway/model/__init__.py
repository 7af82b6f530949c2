"""The vocabulary: frozen values that the rooms pass to each other.

    Request -> Call -> Caller -> Purpose -> Estimate -> Hold -> (bytes through, Meter) -> Usage -> Receipt

Tokens are ints; `_ms` are milliseconds since the epoch on the store's clock; `_micros` are millionths. No I/O here.
"""

from gateway.model.budgets import (
    UNLIMITED,
    Budget,
    BudgetRule,
    Calendar,
    Enforcement,
    Fixed,
    Increment,
    Level,
    Lifetime,
    Match,
    Period,
    Rolling,
    Rollup,
    Scope,
    Unit,
    Weights,
    Window,
)
from gateway.model.calls import (
    Call,
    Endpoint,
    Estimate,
    ModelSpec,
    OnDisconnect,
    Provider,
    Route,
    Secret,
    TemplateTokens,
    Timeouts,
    Usage,
)
from gateway.model.people import (
    Agent,
    Caller,
    Company,
    Key,
    Purpose,
    Quotas,
    Role,
    RollingBudget,
    User,
)

MICROS = 1_000_000

__all__ = [
    "MICROS",
    "UNLIMITED",
    "Agent",
    "Budget",
    "BudgetRule",
    "Calendar",
    "Call",
    "Caller",
    "Company",
    "Endpoint",
    "Enforcement",
    "Estimate",
    "Fixed",
    "Increment",
    "Key",
    "Level",
    "Lifetime",
    "Match",
    "ModelSpec",
    "OnDisconnect",
    "Period",
    "Provider",
    "Purpose",
    "Quotas",
    "Role",
    "Rolling",
    "RollingBudget",
    "Rollup",
    "Route",
    "Scope",
    "Secret",
    "TemplateTokens",
    "Timeouts",
    "Unit",
    "Usage",
    "User",
    "Weights",
    "Window",
]
