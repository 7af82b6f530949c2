"""A user's quotas as the clients see them: five fields a period, in the order of the API's document. Pure."""

from collections.abc import Sequence

from gateway.api.chat_quota.fields import NAMES
from gateway.model import UNLIMITED, Level
from gateway.pipeline.limits import instant

Shown = dict[str, str | int | None]


def shown(levels: Sequence[Level]) -> Shown:
    """Give the fields of the day's, the week's and the month's level, which come in this order."""
    found: Shown = {}
    for name, level in zip(NAMES.values(), levels, strict=True):
        found |= {f"{name}_{part}": value for part, value in _period(level).items()}
    return found


def _period(level: Level) -> Shown:
    """Give one period: `limit` is what an API has set, else null, and then `system_default`, the file's, applies."""
    is_unlimited = level.limit == UNLIMITED
    return {
        "limit": level.limit if level.is_override else None,
        "usage": level.used,
        "remaining": None if is_unlimited else max(0, level.limit - level.used),
        "reset_at": instant(level.resets_at_ms),
        "system_default": level.budget.limit,
    }
