"""Which calls are open, by what was written of them."""

from gateway.journal.calls import LINGER_SECONDS, Calls, frames_of, row
from gateway.journal.journal import forgettable
from tests.journal.reading import read


def test_a_call_is_open_until_the_store_has_lasted() -> None:
    """Sent, settled, acknowledged: it is forgotten once the store answers four seconds later too."""
    calls = Calls()
    calls.forwarded("a", b"policy")
    assert [call.is_unsettled for call in calls] == [True]
    calls.settled("a", b"charge", 1.0)
    assert [(call.is_unpaid, call.forwarded) for call in calls] == [(True, None)]
    assert calls.acknowledged("a", "e1", 10.0)
    assert (calls.unacknowledged, len(calls)) == (0, 1)
    calls.heard(10.0 + LINGER_SECONDS, "e1")
    assert len(calls) == 1
    calls.heard(10.1 + LINGER_SECONDS, "another")
    assert len(calls) == 1
    calls.heard(10.1 + LINGER_SECONDS, "e1")
    assert (len(calls), calls.size_bytes) == (0, 0)


def test_what_nobody_wrote_down_is_not_open() -> None:
    """An answer or a growth of an unknown call says nothing."""
    calls = Calls()
    assert not calls.acknowledged("a", "e", 1.0)
    assert not calls.grown("a", 5)
    assert len(calls) == 0


def test_written_anew_it_reads_the_same() -> None:
    """A file that is renewed says of every open call what the old one said."""
    calls, again = Calls(), Calls()
    calls.forwarded("a", b"policy")
    calls.grown("a", 700)
    calls.forwarded("b", b"policy")
    calls.settled("b", b"charge")
    calls.settled("c", b"release")
    calls.acknowledged("c", "e", 3.0)
    again.take(read(b"".join(frame for call in calls for frame in frames_of(row(call))))[0])
    assert [row(call) for call in again] == [row(call) for call in calls]
    assert (again.size_bytes, again.unacknowledged) == (calls.size_bytes, calls.unacknowledged)


def test_an_earlier_epoch_may_have_forgotten_its_last_seconds() -> None:
    """What another memory acknowledged shortly before its last answer is sent again; the current one's is not."""
    calls = Calls()
    for call_id, epoch, at in (("old", "e1", 1.0), ("last", "e1", 8.0), ("near", "e1", 2.5), ("now", "e2", 9.0)):
        calls.settled(call_id, b"charge")
        calls.acknowledged(call_id, epoch, at)
    assert {call.id for call in forgettable(calls, "e2")} == {"last", "near"}
    calls.acknowledged("last", "e2", 10.0)
    assert {call.id for call in forgettable(calls, "e2")} == {"old", "near"}
