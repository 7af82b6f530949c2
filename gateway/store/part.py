"""A part of the store: what is there or away as a whole. The one server, a set's primary, each primary of a cluster.

The rule that matters: a part that is away stops the companies whose keys live in it, and nobody else.
"""

from collections.abc import Callable

from gateway.store.breaker import Breaker


class Part:
    """`name` is its address without credentials, `epoch` that of its memory (epoch.py): empty before it was met."""

    def __init__(self, name: str, epoch: Callable[[], str], breaker: Breaker) -> None:
        self.name = name
        self.breaker = breaker
        self._epoch = epoch

    @property
    def epoch(self) -> str:
        """Its epoch now."""
        return self._epoch()


NewPart = Callable[[str, Callable[[], str]], Part]
"""(name, epoch) -> a part, with a breaker that is armed if the store's are."""
