"""How fast a budget is taken from: what says how large a slice should be, and when one lies idle. Pure."""

IDLE_SECONDS = 2.0


class Pace:
    """How fast a budget is taken: units in a second, of the last whole one or of this one if it is faster."""

    def __init__(self, now: float) -> None:
        self._since = now
        self._units = 0
        self._before = 0.0
        self._last_at = now

    def add(self, units: int, now: float) -> None:
        """Count what was taken."""
        self._units += units
        self._last_at = now

    def units_a_second(self, now: float) -> float:
        """Give the pace."""
        elapsed = now - self._since
        current = self._units / max(1.0, elapsed)
        if elapsed < 1:
            return max(self._before, current)
        self._since, self._units, self._before = now, 0, current
        return current

    def is_idle(self, now: float) -> bool:
        """Whether nobody has taken anything for a while."""
        return now - self._last_at > IDLE_SECONDS
