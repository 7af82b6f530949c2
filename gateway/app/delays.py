"""How long a client keeps us waiting. Pure: the time is given.

The rule that matters: a wait is measured by what has come of it, not by whether something comes: a byte every few
seconds keeps nothing open.
"""

BODY_BYTES_PER_SECOND = 16_384
"""What a body must bring on average, beyond the seconds that each one has: a 32 MiB body has 35 minutes, not hours. A
fixed time alone would refuse large bodies on thin lines; a rate alone would hold each pause against small ones."""


class Unchanged:
    """How long a number has been the same."""

    __slots__ = ("_number", "_since")

    def __init__(self, number: int = 0) -> None:
        self._number = number
        self._since = 0.0

    def seconds(self, number: int, now: float) -> float:
        """Give for how long it has been this one, as far as was looked."""
        if number != self._number:
            self._number, self._since = number, now
        return now - self._since


class Arrival:
    """A body on its way: since when, and how many bytes had come on its connection before."""

    __slots__ = ("_before", "_since", "body")

    def __init__(self, body: object, received: int, now: float) -> None:
        self.body = body
        self._before = received
        self._since = now

    def is_late(self, received: int, now: float, body_seconds: float) -> bool:
        """Whether it has had its time: `body_seconds`, and a second for each 16 KiB that have come."""
        return now - self._since > body_seconds + (received - self._before) / BODY_BYTES_PER_SECOND
