"""The marks that make a warning told once, and the warnings that wait for the webhook, both in the store.

The rule that matters: the mark and the waiting warning are written by one script, and a warning leaves only once the
receiver has it. A gateway that dies in between loses nothing: another one claims it when its lease has run out.

It grows by what warns: a mark takes about 200 bytes (one per budget of a subject, limit and threshold) and ends with
its window; those of lifetime budgets stand, as their counters do. At most `MOST_WAITING` warnings of about 1 KB wait in
a shard, and none for longer than `PATIENCE_MS`.
"""

from dataclasses import dataclass
from enum import IntEnum
from importlib import resources
from time import monotonic

from gateway.errors import StoreUnavailable
from gateway.model import Level
from gateway.store.connection import Script, Store
from gateway.store.shards import prefix as shard_of
from gateway.store.shards import prefixes
from gateway.warnings import keys
from gateway.warnings.crossing import ends_at_ms, life_ms

MOST_WAITING = 1000
PATIENCE_MS = 86_400_000
_KEPT_MS = 2 * PATIENCE_MS
"""The store's own end of what waits, for when no gateway with a webhook comes back."""
_FIRST_PAUSE_MS = 1000
_LONGEST_PAUSE_MS = 300_000
_FIELDS = 4  # of a claimed warning in the script's answer


class Told(IntEnum):
    """What became of a mark: told before; ours to tell; ours, but the webhook will not hear of it."""

    BEFORE = 0
    NOW = 1
    CROWDED = 2


@dataclass(frozen=True, slots=True)
class Claimed:
    """A waiting warning that is ours for a lease: how often it was claimed with this time, when (store's ms)."""

    shard: str
    id: str
    marked_ms: int
    attempts: int
    event: bytes
    now_ms: int
    claimed_at: float

    @property
    def pause_ms(self) -> int:
        """Give how long to wait after a failure: 1 s, twice as long each time, at most 5 min."""
        return min(_LONGEST_PAUSE_MS, _FIRST_PAUSE_MS << min(self.attempts - 1, 16))

    @property
    def is_last(self) -> bool:
        """Whether another attempt would come after a day."""
        return self.now_ms + self.pause_ms - self.marked_ms > PATIENCE_MS


class Outbox:
    """Marks and waiting warnings. Every call may raise StoreUnavailable or CommandRefused."""

    def __init__(self, store: Store, *, lease_seconds: float) -> None:
        self._store = store
        self.lease_seconds = lease_seconds
        self._lease_ms = round(lease_seconds * 1000)
        self._mark = _script("mark")
        self._claim = _script("claim")

    async def mark(self, home: str, level: Level, thresholds: tuple[int, ...], id_: str, event: bytes) -> Told:
        """Mark all `thresholds` (rising) as told; what is told is the last. An empty `event` waits for no webhook.

        `home` is what `keys.home` gives.
        """
        shard = shard_of(home)
        names = [keys.due(shard), keys.waiting(shard), *(keys.mark(shard, level, percent) for percent in thresholds)]
        args = (id_, ends_at_ms(level) or 0, life_ms(level), MOST_WAITING, _KEPT_MS, event)
        return Told(await self._store.run(self._mark, names, args))

    async def shards(self) -> list[str]:
        """Give the shards in which something waits, due or not; those whose part of the store is away wait for it."""
        return list(await waiting(self._store))

    async def claim(self, shard: str, most: int) -> tuple[list[Claimed], float | None]:
        """Take up to `most` that are due; with the seconds until more are (None: nothing waits)."""
        answer = await self._store.run(self._claim, (keys.due(shard), keys.waiting(shard)), (self._lease_ms, most))
        now_ms, wait_ms, *flat = answer
        rows = [flat[at : at + _FIELDS] for at in range(0, len(flat), _FIELDS)]
        claimed = [
            Claimed(shard, id_.decode(), int(marked), int(attempts), event, now_ms, monotonic())
            for id_, marked, attempts, event in rows
        ]
        return claimed, None if wait_ms < 0 else wait_ms / 1000

    async def remove(self, claimed: Claimed) -> None:
        """Let it go: the receiver has it, or it is given up."""
        await self._store.pipeline(
            [("ZREM", keys.due(claimed.shard), claimed.id), ("HDEL", keys.waiting(claimed.shard), claimed.id)]
        )

    async def postpone(self, claimed: Claimed) -> None:
        """Let it wait for its pause, from now; the store's clock is told by what it was when it was claimed."""
        now_ms = claimed.now_ms + round((monotonic() - claimed.claimed_at) * 1000)
        await self._store.execute("ZADD", keys.due(claimed.shard), "XX", now_ms + claimed.pause_ms, claimed.id)


async def waiting(store: Store) -> dict[str, int]:
    """Give how many warnings wait, due or not, by the shards that have any and whose part of the store is there.

    Raises StoreUnavailable where none of it is, and CommandRefused.
    """
    names = prefixes()
    counts = await store.pipeline_where_it_goes([("ZCARD", keys.due(shard)) for shard in names])
    if all(isinstance(count, StoreUnavailable) for count in counts):
        raise counts[0]
    return {shard: count for shard, count in zip(names, counts, strict=True) if isinstance(count, int) and count}


def _script(name: str) -> Script:
    return Script((resources.files("gateway.warnings") / "lua" / f"{name}.lua").read_text("utf-8"))
