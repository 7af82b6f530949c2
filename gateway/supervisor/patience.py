"""How long the supervisor waits for what, in seconds; a value of its own, so that tests need not wait as long."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """A worker that leaves `hung_pings` pings unanswered hangs, as one does that starts for `starting_seconds`.

    What lives less than `early_seconds` died early; after `most_early_deaths` in a row, of workers or of the store, the
    gateway gives up. The pause before a new start doubles from `pause_seconds` with each early death after the first.
    `linger_seconds` is how long a connection that
    nobody uses stays open at a worker that makes room for its successor. `leaving_seconds` is what a worker may take to
    end beyond `server.drain_seconds`.
    """

    ping_seconds: float = 2.0
    hung_pings: int = 5
    starting_seconds: float = 60.0
    early_seconds: float = 10.0
    most_early_deaths: int = 5
    pause_seconds: float = 0.25
    poll_seconds: float = 2.0
    linger_seconds: float = 2.0
    leaving_seconds: float = 20.0


class Deaths:
    """Of workers, or of the store: how many came early, one after the other."""

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._in_a_row = 0
        self._last_at = 0.0

    def add(self, age_seconds: float, now_seconds: float) -> None:
        """Count a death, `now_seconds` by a monotonic clock."""
        early_seconds = self._patience.early_seconds
        follows = age_seconds < early_seconds and now_seconds - self._last_at < 6 * early_seconds
        self._in_a_row = self._in_a_row + 1 if follows else 1
        self._last_at = now_seconds

    @property
    def are_too_many(self) -> bool:
        """Whether there is no point in another start."""
        return self._in_a_row > self._patience.most_early_deaths

    @property
    def pause_seconds(self) -> float:
        """Give the pause before another start: none after the first death."""
        return self._patience.pause_seconds * 2 ** (self._in_a_row - 2) if self._in_a_row > 1 else 0.0
