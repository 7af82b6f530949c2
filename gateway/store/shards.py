"""Owns the hash tags: which shard of the store a company's keys live in. The one place that knows.

The rule that matters: `SHARDS` and the hash are fixed for ever. All keys of one call carry one tag, so they share a
cluster slot (https://valkey.io/topics/cluster-spec/#hash-tags), and background work walks 256 known names.
"""

from functools import cache, lru_cache
from zlib import crc32

SHARDS = 256
_MOST_KNOWN = 16_384


@lru_cache(maxsize=_MOST_KNOWN)
def prefix(company_id: str) -> str:
    """Give what every key of a company starts with: `{q<N>}:`, N = crc32 of the id in UTF-8, modulo 256."""
    return _prefix(crc32(company_id.encode()) % SHARDS)


@cache
def prefixes() -> tuple[str, ...]:
    """Give the prefix of every shard, in order."""
    return tuple(_prefix(shard) for shard in range(SHARDS))


def _prefix(shard: int) -> str:
    return f"{{q{shard}}}:"
