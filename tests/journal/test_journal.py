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
from gateway.journal.files import SPACE_BYTES
from gateway.journal.journal import IDLE_BYTES, RENEWED_BYTES
from tests.journal.reading import read
from tests.store.servers import until

CONTENT = b"x" * 600
SIZEABLE_BYTES = 1 << 18
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
    """Take the end of what is written away."""
    data = path.read_bytes()
    written = len(data.rstrip(b"\0"))
    path.write_bytes(data[: written - size_bytes].ljust(len(data), b"\0"))


def seen(directory: Path) -> set[str]:
    """Give the calls of every complete file, whose owner lives."""
    while True:
        found = set()
        try:
            for path in directory.glob("*.journal"):
                records, _ = read(path.read_bytes())
                found |= {call_id for _, call_id, _ in records}
        except FileNotFoundError:  # renewed just now: another one has it all
            continue
        return found


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
        path = max(files(tmp_path), key=lambda one: len(one.read_bytes().rstrip(b"\0")))
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


async def test_a_file_that_cannot_be_read_keeps_nobody_from_the_others(tmp_path: Path) -> None:
    """It is passed over each time, and taken over when its cause is gone."""
    with dead_owner(tmp_path):
        (path,) = files(tmp_path)
        for name in ("!", "~"):
            (tmp_path / f"{name}.journal").symlink_to(tmp_path / "elsewhere")
        journal = Journal(tmp_path, "store")
        (found,) = journal.left_behind()
        assert found.file.path == path
        assert journal.left_behind() == []
        found.file.close()
        assert len(journal.left_behind()) == 1


def test_an_acknowledgement_says_nothing_of_those_before() -> None:
    """It may be another memory's that nobody has met yet: only who asked for the epoch may forget what has lasted."""
    times = iter([0.0, 0.0, 100.0, 100.0, 100.0])
    journal = Journal(None, "store", clock=lambda: next(times))
    journal.settled("old", b"charge")
    journal.acknowledged("old", "e1")
    journal.settled("new", b"charge")
    journal.acknowledged("new", "e1")
    assert {call.id for call in journal.settled_calls()} == {"old", "new"}
    journal.heard("e1")
    assert {call.id for call in journal.settled_calls()} == {"new"}


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
        journal._calls.heard(1e12, "epoch")
        if number % 1000 == 0:
            await asyncio.sleep(0)
    assert await journal.secured()
    journal.heard("epoch")
    await until(lambda: journal.size_bytes < RENEWED_BYTES and len(files(tmp_path)) == 1)
    (path,) = files(tmp_path)
    assert b"open" in path.read_bytes()
    for call_id in ["open", *(f"last-{number}" for number in range(2 * IDLE_BYTES // len(CONTENT)))]:
        journal.settled(call_id, CONTENT)
        journal.acknowledged(call_id, "epoch")
    assert await journal.secured()
    journal._calls.heard(1e12, "epoch")
    journal.heard("epoch")
    await until(lambda: journal.size_bytes < 100 and len(files(tmp_path)) == 1)
    (path,) = files(tmp_path)
    assert len(path.read_bytes().rstrip(b"\0")) == journal.size_bytes


async def test_a_full_disk_stops_nothing_and_is_made_good(tmp_path: Path) -> None:
    """Writes that fail are told and counted, and nobody is told that a record is secured; then all of it is there."""
    failures: list[int] = []
    journal = Journal(tmp_path, "store", on_failure=lambda: failures.append(1))
    with disk_of(SPACE_BYTES - 1):
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


async def test_a_file_that_is_full_on_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """What has no room any more is kept in memory, and is in the next file as soon as there may be one."""
    journal = Journal(tmp_path, "store")
    await journal.open()
    with disk_of(SPACE_BYTES - 1):
        for number in range(RENEWED_BYTES // SIZEABLE_BYTES + 20):
            journal.forwarded(f"call-{number}", b"x" * SIZEABLE_BYTES)
        assert not await journal.secured()
    assert await journal.secured()
    await journal.close()
    last = Journal(tmp_path, "store")
    (found,) = last.left_behind()
    assert len(found.calls) == RENEWED_BYTES // SIZEABLE_BYTES + 20
    found.file.remove()
    await last.close()


async def test_what_is_written_while_a_file_is_renewed_is_in_the_new_one(journal: Journal, tmp_path: Path) -> None:
    """Whenever its owner dies, what it wrote last is found."""
    for turn in range(20):
        assert journal._writing is not None
        journal._writing.renew()
        await asyncio.sleep(0)
        for number in range(20):
            journal.settled(f"call-{turn}-{number}", CONTENT)
            await asyncio.sleep(0)
        assert {f"call-{turn}-{number}" for number in range(20)} <= seen(tmp_path)


def test_a_record_is_the_kernel_s_at_once(tmp_path: Path) -> None:
    """A process that is killed in the very turn in which it wrote has written."""
    last_words = OWNER.replace("print(await journal.secured(), flush=True)", "").replace(
        "await asyncio.sleep(60)", "os.kill(os.getpid(), 9)"
    )
    last_words = last_words.replace('"store")\n', '"store")\n    await journal.open()\n', 1)
    done = subprocess.run([sys.executable, "-c", f"import os\n{last_words}", str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    (found,) = Journal(tmp_path, "store").left_behind()
    assert {call.id for call in found.calls} == {"sent", "settled", "paid"}
    found.file.remove()


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
    assert [call.id for call in journal.settled_calls() if call.is_unpaid] == ["call"]
    assert (journal.left_behind(), journal.size_bytes, await journal.secured()) == ([], 0, False)
    await journal.close()
