"""What a crowd leaves behind: bounded in each turn of the loop, in order, and never stuck behind one that is gone."""

import asyncio

from gateway.pipeline.turns import LEAST_BYTES, TURN_BYTES, Turns

CROWD = 100


async def crowd(turns: Turns, size_bytes: int, count: int = CROWD) -> list[int]:
    """Have so many take their turn at once; gives the turn of the loop in which each had it."""
    turn, had = 0, []

    async def one() -> None:
        await turns.take(size_bytes)
        had.append(turn)

    tasks = [asyncio.ensure_future(one()) for _ in range(count)]
    while not all(task.done() for task in tasks):
        turn += 1
        await asyncio.sleep(0)
    return had


async def test_small_pieces_of_one_turn_are_bounded() -> None:
    """However small, so many are done in a turn and no more; and no less, once the first of them has had to wait."""
    had = await crowd(Turns(), 0)
    of_a_turn = [had.count(turn) for turn in sorted(set(had))]
    assert max(of_a_turn) == TURN_BYTES // LEAST_BYTES
    assert of_a_turn[:-1] == [max(of_a_turn)] * (len(of_a_turn) - 1)
    assert max(had) - min(had) <= len(of_a_turn)


async def test_a_large_piece_has_a_turn_for_itself() -> None:
    """One that is larger than a turn's share is not refused, and nobody else has that turn."""
    had = await crowd(Turns(), 3 * TURN_BYTES, 4)
    assert len(set(had)) == len(had)


async def test_a_turn_begins_anew() -> None:
    """What was taken in earlier turns does not count."""
    turns = Turns()
    for _ in range(CROWD):
        waiting = asyncio.ensure_future(turns.take(TURN_BYTES))
        await asyncio.sleep(0)
        assert waiting.done()
        await asyncio.sleep(0)


async def test_first_come_first_served() -> None:
    """Who waits longest has the next turn, whatever the size of those behind it."""
    turns, order = Turns(), []

    async def one(name: int, size_bytes: int) -> None:
        await turns.take(size_bytes)
        order.append(name)

    await asyncio.gather(*(one(name, TURN_BYTES if name % 3 else 0) for name in range(CROWD)))
    assert order == list(range(CROWD))


async def test_those_that_are_gone_keep_nobody_waiting() -> None:
    """Whoever is cancelled while it waits takes no share."""
    turns = Turns()
    waiting = [asyncio.ensure_future(turns.take(TURN_BYTES)) for _ in range(CROWD)]
    await asyncio.sleep(0)
    for task in waiting[1:-1]:
        task.cancel()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert waiting[-1].done()
    assert not waiting[-1].cancelled()
