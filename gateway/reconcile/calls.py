"""Owns what became of a call: the question behind a settle that came too late to be believed (`doubtful`). Pure.

The rule that matters: a call is charged once. One that any event tells of has been; one that none tells of was not, as
far back as the events reach.
"""

from datetime import UTC, datetime

from gateway.reconcile.stream import Stream, made_at_ms


def became(call_id: str, stream: Stream, *, is_live: bool) -> str:
    """Say what became of a call, in a line."""
    if is_live:
        return f"{call_id}: its hold is live; it is charged when it ends or expires"
    ending = stream.calls.get(call_id)
    if ending is not None:
        at = datetime.fromtimestamp(ending.at_ms // 1000, UTC).isoformat()
        return f"{call_id}: {ending.kind} at {at}, charged {ending.charged or 'nothing'}; nothing is to be added"
    made_ms = made_at_ms(call_id)
    if made_ms is not None and stream.covers(made_ms):
        return f"{call_id}: never charged: no event tells of it, and they reach back to before it was made"
    return f"{call_id}: unknown: the events do not reach back to it"
