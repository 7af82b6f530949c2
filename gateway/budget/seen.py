"""Who has been here: users that the ledger remembers, whether the file lists them or not."""

from collections.abc import Sequence

from gateway.budget import keys
from gateway.store.connection import Store
from gateway.store.shards import prefix as shard_of

BATCH = 256


async def seen_in(store: Store, user_id: str, company_ids: Sequence[str]) -> list[str]:
    """Give those of the companies in which a user has made a call, or has a limit set through an API."""
    found: list[str] = []
    for at in range(0, len(company_ids), BATCH):
        batch = company_ids[at : at + BATCH]
        counts = await store.pipeline([_lookup(company_id, user_id) for company_id in batch])
        found += [company_id for company_id, count in zip(batch, counts, strict=True) if count]
    return found


def _lookup(company_id: str, user_id: str) -> tuple[str, ...]:
    return "EXISTS", *keys.traces(shard_of(company_id), keys.user_subject(company_id, user_id))
