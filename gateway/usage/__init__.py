"""What was consumed: the roll-ups that a charge writes (`Rollups`) and the queries that read them back.

Nothing here decides anything or writes to the store: the ledger's scripts add the increments in the call that charges,
so that the two cannot disagree.
"""

from gateway.usage.intervals import Consumption, Interval, consumption
from gateway.usage.names import ModelNames, UsageKey, parse_usage_key, usage_key
from gateway.usage.queries import By, Counts, DayRecord, Totals, credits_by_day, days, summed, with_key_names
from gateway.usage.rollup import Charge, Rollups, category

__all__ = [
    "By",
    "Charge",
    "Consumption",
    "Counts",
    "DayRecord",
    "Interval",
    "ModelNames",
    "Rollups",
    "Totals",
    "UsageKey",
    "category",
    "consumption",
    "credits_by_day",
    "days",
    "parse_usage_key",
    "summed",
    "usage_key",
    "with_key_names",
]
