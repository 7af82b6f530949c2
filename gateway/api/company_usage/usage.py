"""A company's usage as this family shows it. Pure.

`TokenLimit` is 32 bits wide: a larger limit, or none at all, is shown as the most that fits, and what remains is
reckoned from the limit shown, so that clients that reckon themselves agree. Only `IsWithinBudget` uses the true limit.
"""

from gateway.api.company_usage.writing import Members
from gateway.model import UNLIMITED, Company, Level

MOST_SHOWN = 2**31 - 1


def usage_members(company: Company, level: Level) -> Members:
    """Give the members of `AiChatUsageResponse`, in the order of their declaration."""
    is_unlimited = level.limit == UNLIMITED
    shown = MOST_SHOWN if is_unlimited else min(level.limit, MOST_SHOWN)
    return {
        "CompanyId": company.id,
        "TokensUsed": level.used,
        "TokenLimit": shown,
        "TokensRemaining": max(0, shown - level.used),
        "IsWithinBudget": is_unlimited or level.used < level.limit,
        "WindowDays": company.budget.window_days,
    }
