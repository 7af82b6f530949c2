"""Owns which `user|agent` pairs had traffic on a day: what names the roll-ups to look at. Days are UTC."""

from collections.abc import Iterable, Sequence
from datetime import date

from gateway.store.connection import Store
from gateway.usage import keys
from gateway.usage.scans import sets

_DAYS_AT_ONCE = 64


class Traffic:
    """The day indexes of one company, as they were read last."""

    def __init__(self, store: Store, company_id: str) -> None:
        self._store = store
        self._company_id = company_id
        self._pairs: dict[date, frozenset[str]] = {}

    async def read(self, days: Sequence[date]) -> None:
        """Read the indexes of these days, anew where they were known. Raises StoreUnavailable."""
        for at in range(0, len(days), _DAYS_AT_ONCE):
            some = days[at : at + _DAYS_AT_ONCE]
            found = await sets(self._store, [keys.index(self._company_id, day) for day in some])
            for day, members in zip(some, found, strict=True):
                self._pairs[day] = frozenset(member.decode() for member in members)

    async def of(self, days: Sequence[date]) -> dict[date, frozenset[str]]:
        """Give the pairs of each day."""
        await self.read([day for day in days if day not in self._pairs])
        return {day: self._pairs[day] for day in days}

    def users(self) -> Iterable[str]:
        """Give everyone who had traffic on a day that was read."""
        ids = {keys.parse_pair(pair)[0] for pairs in self._pairs.values() for pair in pairs}
        return (one for one in ids if one is not None)
