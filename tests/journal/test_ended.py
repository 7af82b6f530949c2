"""A store that forgets nothing: what it has acknowledged is gone from memory at once, and from the file."""

from pathlib import Path

from gateway.journal import Journal

EPOCH = "epoch"


async def test_what_is_acknowledged_for_good_is_not_kept(tmp_path: Path) -> None:
    """Nothing lingers, nothing is sent again, and the next process finds what is open alone."""
    journal = Journal(tmp_path, "store", may_forget=False)
    for call in ("paid", "unpaid"):
        journal.forwarded(call, b"sent")
        journal.settled(call, b"charge")
    journal.forwarded("open", b"sent")
    journal.acknowledged("paid", EPOCH)
    journal.acknowledged("paid", EPOCH)
    assert not journal.lingers
    assert journal.open_calls == 2
    assert [call.id for call in journal.settled_calls()] == ["unpaid"]
    await journal.close()
    (left,) = Journal(tmp_path, "store").left_behind()
    assert {call.id for call in left.calls if call.epoch is None} == {"unpaid", "open"}
    left.file.close()


def test_what_one_call_took_is_given_back() -> None:
    """However many calls pass, the room that they take is that of the open ones."""
    journal = Journal(None, "store", may_forget=False)
    journal.forwarded("open", b"sent")
    before = journal._calls.size_bytes
    for n in range(100):
        journal.forwarded(f"call-{n}", b"sent")
        journal.settled(f"call-{n}", b"a longer charge")
        journal.acknowledged(f"call-{n}", EPOCH)
    assert (journal._calls.size_bytes, len(journal._calls), journal.open_calls) == (before, 1, 1)
