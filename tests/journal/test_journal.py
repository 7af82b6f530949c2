"""A process's journal on a real disk: its owner's death, a torn end, a full disk, a renewed file."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.journal import Journal
from gateway.journal.journal import IDLE_BYTES, RENEWED_BYTES
from tests.store.servers import until

CONTENT = b"x" * 600
OWNER = """
import asyncio, sys
from pathlib import Path
from gateway.journal import Journal
async def main():
    journal = Journal(Path(sys.argv[1]), "store")
    journal.forwarded("sent", b"policy")
    journal.grown("sent", 900)
    journal.forwarded("settled", b"policy")
    journal.settled("settled", b"charge")
    journal.settled("paid", b"charge")
    journal.acknowledged("paid", "epoch")
    print(await journal.secured(), flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.fixture
async def journal(tmp_path: Path):
    """Give an open journal."""
    one = Journal(tmp_path, "store")
    await one.open()
    yield one
    await one.close()


def files(directory: Path) -> list[Path]:
    """Give what is in a directory."""
    return sorted(directory.iterdir())


def cut(path: Path, size_bytes: int) -> None:
    """Take the end of a file away."""
    os.truncate(path, path.stat().st_size - size_bytes)


@contextmanager
def dead_owner(directory: Path) -> Iterator[None]:
    """Let a process write a journal, and kill it."""
    with subprocess.Popen([sys.executable, "-c", OWNER, str(directory)], stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"True\n"
        finally:
            os.kill(process.pid, signal.SIGKILL)
    yield


@contextmanager
def disk_of(size_bytes: int) -> Iterator[None]:
    """Let no file of this process grow beyond so much."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_what_a_killed_process_wrote_is_taken_over_once(journal: Journal, tmp_path: Path) -> None:
    """What it had sent, settled and heard of is there; while one has it, no other gets it, and removed it is gone."""
    with dead_owner(tmp_path):
        (found,) = journal.left_behind()
        by_id = {call.id: call for call in found.calls}
        assert (by_id["sent"].is_unsettled, by_id["sent"].granted_tokens) == (True, 900)
        assert (by_id["settled"].is_unpaid, by_id["settled"].settled) == (True, b"charge")
        assert by_id["paid"].epoch == "epoch"
        assert journal.left_behind() == []
        found.file.remove()
        assert len(files(tmp_path)) == 1  # our own


async def test_a_living_process_keeps_its_journal(journal: Journal, tmp_path: Path) -> None:
    """Also within one process, and with nothing in it."""
    journal.forwarded("call", CONTENT)
    assert await journal.secured()
    other = Journal(tmp_path, "store")
    assert other.left_behind() == []
    await other.close()


async def test_a_torn_end_is_no_mistake(journal: Journal, tmp_path: Path) -> None:
    """Cut in the middle of its last record, a file says all that came before."""
    with dead_owner(tmp_path):
        path = max(files(tmp_path), key=lambda one: one.stat().st_size)
        cut(path, 3)
        (found,) = journal.left_behind()
        assert {call.id for call in found.calls if call.is_unpaid} == {"settled", "paid"}
        found.file.remove()


async def test_a_journal_of_another_store_stays_as_it_is(tmp_path: Path) -> None:
    """Its charges belong elsewhere: nothing of it is replayed, nothing is removed."""
    with dead_owner(tmp_path):
        (path,) = files(tmp_path)
        before = path.read_bytes()
        assert Journal(tmp_path, "another store").left_behind() == []
        assert path.read_bytes() == before


async def test_a_clean_end_leaves_what_is_open_and_nothing_else(tmp_path: Path) -> None:
    """With nothing open there is no file afterwards; else the next process finds it."""
    first = Journal(tmp_path, "store")
    await first.open()
    await first.close()
    assert files(tmp_path) == []
    second = Journal(tmp_path, "store")
    second.settled("call", b"charge")
    await second.close()
    third = Journal(tmp_path, "store")
    (found,) = third.left_behind()
    assert [(call.id, call.settled) for call in found.calls] == [("call", b"charge")]
    found.file.remove()
    await third.close()


async def test_a_file_stays_small(journal: Journal, tmp_path: Path) -> None:
    """However many calls pass, it is written anew with what is open; nothing open, it is as good as empty."""
    journal.forwarded("open", CONTENT)
    for number in range(2 * RENEWED_BYTES // len(CONTENT)):
        journal.settled(f"call-{number}", CONTENT)
        journal.acknowledged(f"call-{number}", "epoch")
        journal._calls.heard(1e12)
        if number % 1000 == 0:
            await asyncio.sleep(0)
    assert await journal.secured()
    journal.heard()
    await until(lambda: journal.size_bytes < RENEWED_BYTES)
    (path,) = files(tmp_path)
    assert b"open" in path.read_bytes()
    for call_id in ["open", *(f"last-{number}" for number in range(2 * IDLE_BYTES // len(CONTENT)))]:
        journal.settled(call_id, CONTENT)
        journal.acknowledged(call_id, "epoch")
    assert await journal.secured()
    journal._calls.heard(1e12)
    journal.heard()
    await until(lambda: journal.size_bytes < 100)
    (path,) = files(tmp_path)
    assert len(path.read_bytes()) == journal.size_bytes


async def test_a_full_disk_stops_nothing_and_is_made_good(tmp_path: Path) -> None:
    """Writes that fail are told and counted, and nobody is told that a record is secured; then all of it is there."""
    failures: list[int] = []
    journal = Journal(tmp_path, "store", on_failure=lambda: failures.append(1))
    await journal.open()
    with disk_of(1000):
        for number in range(10):
            journal.forwarded(f"call-{number}", CONTENT)
        assert not await journal.secured()
        assert failures
        journal.settled("call-0", b"charge")
        assert journal.open_calls == 10
    assert await journal.secured()
    (path,) = files(tmp_path)
    assert all(f"call-{number}".encode() in path.read_bytes() for number in range(10))
    await journal.close()


async def test_a_directory_that_cannot_be_made_stops_nothing(tmp_path: Path) -> None:
    """The journal lives in memory then, and secures nothing."""
    (tmp_path / "file").write_bytes(b"")
    journal = Journal(tmp_path / "file" / "journal", "store")
    await journal.open()
    journal.forwarded("call", CONTENT)
    assert not await journal.secured()
    assert journal.open_calls == 1
    await journal.close()


async def test_without_a_directory_it_is_in_memory() -> None:
    """What is settled is kept for as long as the process lives."""
    journal = Journal(None, "store")
    journal.settled("call", b"charge")
    assert [call.id for call in journal.unpaid()] == ["call"]
    assert (journal.left_behind(), journal.size_bytes, await journal.secured()) == ([], 0, False)
    await journal.close()
