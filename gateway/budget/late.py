"""Settles that come too late to be believed (`doubtful`): the shard's events say whether a call was charged before.

The rule that matters: who asks is the only one that may settle these calls, so what the events do not tell of has not
happened. Where they no longer reach back, a charge is made rather than lost.
"""

from collections.abc import Collection

from gateway.budget import keys
from gateway.store.connection import Store

BELIEVED_MS = 15 * 60_000
"""How old an admission may be for the store to believe the settle of a call that it does not know (lua/prelude.lua)."""
_PAGE = 1000
_CLOCKS_APART_MS = 60_000
_CHARGES = {b"settled", b"corrected", b"recovered", b"released"}


async def charged_among(store: Store, prefix: str, call_ids: Collection[str], since_ms: int) -> set[str]:
    """Give those of the calls, admitted from `since_ms` on, that have been settled. Raises StoreUnavailable."""
    wanted = {call_id.encode() for call_id in call_ids}
    found: set[str] = set()
    start = str(max(0, since_ms - _CLOCKS_APART_MS))
    while True:
        page = await store.execute("XRANGE", prefix + keys.EVENTS, start, "+", "COUNT", _PAGE)
        for event_id, fields in page:
            start = f"({event_id.decode()}"
            if fields.get(b"call") in wanted and fields.get(b"kind") in _CHARGES:
                found.add(fields[b"call"].decode())
        if len(page) < _PAGE:
            return found


async def reaches_back(store: Store, prefix: str, since_ms: int) -> bool:
    """Whether the shard's events would tell of a charge from `since_ms` on. Raises StoreUnavailable."""
    first = await store.execute("XRANGE", prefix + keys.EVENTS, "-", "+", "COUNT", 1)
    return any(int(event_id.partition(b"-")[0]) <= since_ms for event_id, _ in first)
