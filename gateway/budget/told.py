"""Who is told of slices as they come and go: a process's metrics. Names are those of budgets in the configuration."""

from typing import Protocol

from gateway.model import Unit


class Told(Protocol):
    """Counts what happens to slices."""

    def refilled(self, budget: str) -> None:
        """Count a slice that was leased."""

    def asked(self, budget: str) -> None:
        """Count a call that memory did not serve: the store was asked for it alone."""

    def refused(self, budget: str) -> None:
        """Count a call that was refused although the budget is not spent: what is left lies in slices and holds."""

    def now(self, budget: str, unit: Unit, slices: int, free: int) -> None:
        """Note how many slices are here, and what no call has taken of them."""


class Untold:
    """Counts nothing."""

    def refilled(self, budget: str) -> None:
        """Forget it."""

    def asked(self, budget: str) -> None:
        """Forget it."""

    def refused(self, budget: str) -> None:
        """Forget it."""

    def now(self, budget: str, unit: Unit, slices: int, free: int) -> None:
        """Forget it."""
