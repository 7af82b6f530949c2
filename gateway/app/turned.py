"""What is turned away at the edge: counted one by one, told in the log in one line a second.

The rule that matters: whoever floods the gateway does not flood its log.
"""

from collections import Counter
from collections.abc import Callable

import structlog

log = structlog.get_logger("app")


class TurnedAway:
    """Counts by reason (telemetry's TURNED_AWAY_REASONS); `on_told` takes each reason's count, once a second."""

    def __init__(self, on_told: Callable[[str, int], None]) -> None:
        self._on_told = on_told
        self._untold: Counter[str] = Counter()

    def add(self, reason: str) -> None:
        """Note one more."""
        self._untold[reason] += 1

    def tell(self) -> None:
        """Tell what has come since this was last asked, if anything."""
        if not self._untold:
            return
        for reason, count in self._untold.items():
            self._on_told(reason, count)
        log.warning("turned_away", **self._untold)
        self._untold = Counter()
