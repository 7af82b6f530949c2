"""A bill's lines: credits by category, and their total. Pure.

Credits are kept in millionths; on the wire they are numbers, whole where they are whole.
"""

from collections.abc import Iterable, Mapping
from datetime import date

from gateway.model import CATEGORIES

MILLIONTHS = 1_000_000
Line = dict[str, str | int | float]


def day_line(day: date, micros: Mapping[str, int]) -> Line:
    """Give one day: its date, its total, each category."""
    return {"date": day.isoformat(), **amounts(micros)}


def total_line(first: date, last: date, bills: Iterable[Mapping[str, int]]) -> Line:
    """Give the sum of several days."""
    sums = dict.fromkeys(CATEGORIES, 0)
    for micros in bills:
        for category in CATEGORIES:
            sums[category] += micros.get(category, 0)
    return {"start_date": first.isoformat(), "end_date": last.isoformat(), **amounts(sums)}


def amounts(micros: Mapping[str, int]) -> Line:
    """Give the total, which is the sum of its categories, and each of them."""
    row = {category: micros.get(category, 0) for category in CATEGORIES}
    return {"total": credit(sum(row.values())), **{category: credit(value) for category, value in row.items()}}


def credit(micros: int) -> int | float:
    """Give millionths as a number of credits."""
    whole, rest = divmod(micros, MILLIONTHS)
    return micros / MILLIONTHS if rest else whole
