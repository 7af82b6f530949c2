"""What a journal takes of a process's memory: not what it has written, has to write anew, or reads of the dead."""

import re
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from itertools import repeat
from pathlib import Path

import pytest

from gateway.journal import Journal
from gateway.journal.files import _MOST_RESIDENT_BYTES, SPACE_BYTES, make
from gateway.journal.frames import Kind, frame
from tests.journal.reading import read

CONTENT = bytes(range(250)) * 5
RECORD = frame(Kind.SETTLED, "call", CONTENT)
MANY = SPACE_BYTES // 2 // len(RECORD)
MOST_KIB = 2 * _MOST_RESIDENT_BYTES // 1024
SMAPS = Path("/proc/self/smaps")
LAST_WORDS = """
import asyncio, os, sys
from pathlib import Path
from gateway.journal import Journal
async def main():
    journal = Journal(Path(sys.argv[1]), "store")
    await journal.open()
    for number in range(int(sys.argv[2])):
        journal.settled(f"call-{number}", bytes(range(250)) * 5)
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""


def resident_kib(path: Path) -> int:
    """Give how much of a file's mappings counts as this process's."""
    pattern = rf"^[^\n]+ {re.escape(str(path))}\n.*?^Rss: +(\d+) kB$"
    return sum(map(int, re.findall(pattern, SMAPS.read_text("utf-8"), re.MULTILINE | re.DOTALL)))


def most_taken(work: Callable[[], object]) -> int:
    """Give the bytes that Python had at most for it."""
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.skipif(not SMAPS.exists(), reason="only Linux tells")
def test_pages_that_are_written_are_given_back(tmp_path: Path) -> None:
    """Half a file later hardly any counts, and the whole of it is there: by the file, and by its mapping."""
    file = make(tmp_path, "store")
    first = file.size_bytes
    for number in range(MANY):
        assert file.append(RECORD), number
        if number % 1000 == 0:
            assert resident_kib(file.path) <= MOST_KIB
    assert 0 < resident_kib(file.path) <= MOST_KIB
    assert file.path.read_bytes()[first : file.size_bytes] == RECORD * MANY
    assert file._space is not None
    assert file._space[first : file.size_bytes] == RECORD * MANY
    file.sync()
    assert file.path.read_bytes()[first : file.size_bytes] == RECORD * MANY
    file.remove()


def test_who_is_killed_with_pages_given_back_has_written_all(tmp_path: Path) -> None:
    """In the very turn in which it wrote, nothing synced."""
    done = subprocess.run([sys.executable, "-c", LAST_WORDS, str(tmp_path), str(MANY)], check=False)
    assert done.returncode == -signal.SIGKILL
    (found,) = Journal(tmp_path, "store").left_behind()
    assert {call.id: call.settled for call in found.calls} == {f"call-{number}": CONTENT for number in range(MANY)}
    found.file.remove()


def test_what_is_written_anew_is_not_gathered_first(tmp_path: Path) -> None:
    """However much is open, it goes to the new file piece by piece; that has room for as much again."""
    count = 2 * MANY
    assert most_taken(lambda: make(tmp_path, "store", repeat(RECORD, count)).close()) < 1 << 20
    (path,) = tmp_path.iterdir()
    data = path.read_bytes()
    records, size_bytes = read(data)
    assert (records[0], len(records)) == ((Kind.ORIGIN, "store", 1), count + 1)
    assert len(data) == max(SPACE_BYTES, 2 * size_bytes)


def test_the_dead_s_file_is_read_piece_by_piece(tmp_path: Path) -> None:
    """Beside what it left open, and its zeros, nothing of a file is ever in memory."""
    journal = make(tmp_path, "store", repeat(RECORD, MANY))
    journal.name_as(tmp_path / "dead.journal")
    journal.close()
    reader = Journal(tmp_path, "store")
    assert most_taken(reader.left_behind) < 3 << 20
