"""What charges add to the roll-ups, carried to the store together: for calls that the store hears of in no other way.

The one rule that matters: sums commute, so the reports are the same as if each charge had come alone, a second later.
"""

from collections.abc import Iterator

from gateway.model import Increment, Rollup


class Carried:
    """The sums by company since they were last sent."""

    def __init__(self) -> None:
        self._sums: dict[str, dict[tuple[str, str], int]] = {}
        self._members: dict[str, dict[tuple[str, str], None]] = {}
        self._ttl_seconds: dict[str, int] = {}

    def add(self, company_id: str, rollup: Rollup) -> None:
        """Add what one charge adds."""
        if not rollup.increments and not rollup.members:
            return
        sums = self._sums.setdefault(company_id, {})
        for one in rollup.increments:
            sums[one.key, one.field] = sums.get((one.key, one.field), 0) + one.amount
        self._members.setdefault(company_id, {}).update(dict.fromkeys(rollup.members))
        self._ttl_seconds[company_id] = max(rollup.ttl_seconds, self._ttl_seconds.get(company_id, 0))

    def all(self) -> Iterator[tuple[str, Rollup]]:
        """Give each company's, and forget them."""
        sums, self._sums = self._sums, {}
        members, self._members = self._members, {}
        for company_id, amounts in sums.items():
            increments = tuple(Increment(key, field, amount) for (key, field), amount in amounts.items())
            yield company_id, Rollup(increments, tuple(members[company_id]), self._ttl_seconds[company_id])
