"""What a process tells of budgets that it spends in slices: its metrics, and what counts them."""

from collections.abc import Callable, Mapping
from typing import Protocol

from gateway.model import MICROS, Unit
from gateway.telemetry.family import Family, Kind

OPEN = Family(
    "gateway_slices_open",
    Kind.GAUGE,
    ("budget", "unit"),
    "slices",
    "Slices that workers have of budgets, those that calls in flight are leaving too.",
)
FREE = Family(
    "gateway_slices_free",
    Kind.GAUGE,
    ("budget", "unit"),
    "the label unit",
    "What slices hold that no call has taken: a call at another worker cannot have it.",
)
REFILLS = Family(
    "gateway_slice_refills_total",
    Kind.COUNTER,
    ("budget",),
    "slices",
    "Slices that were leased for calls to come.",
)
ASKED = Family(
    "gateway_slice_misses_total",
    Kind.COUNTER,
    ("budget",),
    "calls",
    "Calls that no slice served, so that the store was asked for each: seldom ones, large ones, and all near a limit.",
)
REFUSED = Family(
    "gateway_slice_refusals_total",
    Kind.COUNTER,
    ("budget",),
    "calls",
    "Calls refused for lack of a slice: the budget is not spent, but what is left lies in slices and holds.",
)

SPANNING_USED = Family(
    "gateway_spanning_budget_used",
    Kind.GAUGE,
    ("budget", "provider", "unit", "window"),
    "the label unit",
    "What a budget of all companies has charged in its window; provider is empty for the whole installation's.",
)
SPANNING_HELD = Family(
    "gateway_spanning_budget_held",
    Kind.GAUGE,
    ("budget", "provider", "unit", "window"),
    "the label unit",
    "What slices of workers and calls in flight may still use of it.",
)
SPANNING_LIMIT = Family(
    "gateway_spanning_budget_limit",
    Kind.GAUGE,
    ("budget", "provider", "unit", "window"),
    "the label unit",
    "Its limit; +Inf is unlimited, 0 blocked.",
)
SLICING = (OPEN, FREE, REFILLS, ASKED, REFUSED)
"""What each process counts."""

SPANNING = (SPANNING_USED, SPANNING_HELD, SPANNING_LIMIT)
"""What a scrape looks up."""


class Series(Protocol):
    """One metric's series by its labels."""

    def of(self, *labels: str) -> Callable[[float], None]:
        """Give what counts one of them."""


class Slicing:
    """Counts them; `series` gives a metric's by its name."""

    def __init__(self, series: Mapping[str, Series]) -> None:
        self._open, self._free = series[OPEN.name], series[FREE.name]
        self._refills, self._asked, self._refused = series[REFILLS.name], series[ASKED.name], series[REFUSED.name]

    def refilled(self, budget: str) -> None:
        """Count a slice that was leased."""
        self._refills.of(budget)(1)

    def asked(self, budget: str) -> None:
        """Count a call that memory did not serve."""
        self._asked.of(budget)(1)

    def refused(self, budget: str) -> None:
        """Count a call that was refused although the budget is not spent."""
        self._refused.of(budget)(1)

    def now(self, budget: str, unit: Unit, slices: int, free: int) -> None:
        """Note how many slices are here, and what no call has taken of them."""
        self._open.of(budget, unit.value)(slices)
        self._free.of(budget, unit.value)(free / MICROS if unit is Unit.USD else free)
