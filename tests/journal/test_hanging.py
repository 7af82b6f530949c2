"""A disk that hangs while a journal's file is made: the memory has an end, and nothing is lost when it goes on."""

import threading
from pathlib import Path

from gateway.journal import Journal
from gateway.journal.writing import MOST_BEHIND_BYTES
from tests.journal.reading import read
from tests.store.servers import until

CONTENT = bytes(1 << 18)


def written_in(directory: Path) -> bytes:
    """Give what the one file there holds."""
    (path,) = directory.iterdir()
    return path.read_bytes()


async def test_a_hanging_disk_fills_no_memory(tmp_path: Path) -> None:
    """What comes meanwhile is kept up to a bound; beyond it, what is open is written once more."""
    journal = Journal(tmp_path, "store")
    await journal.open()
    part = journal._writing
    assert part is not None
    goes_on = threading.Event()
    hanging = part._executor.submit(goes_on.wait)  # the one thread that writes
    part.renew()
    await until(lambda: part._behind is not None)
    for number in range(MOST_BEHIND_BYTES // len(CONTENT) + 40):
        journal.settled(f"call-{number}", CONTENT)
        journal.acknowledged(f"call-{number}", "epoch")
        journal._calls.heard(1e12, "epoch")
    journal.settled("the last", b"charge")
    assert part._behind is not None
    assert MOST_BEHIND_BYTES <= len(part._behind) < MOST_BEHIND_BYTES + 2 * len(CONTENT)
    goes_on.set()
    assert hanging.result()
    assert await journal.secured()
    await until(lambda: part._working is None and not part._renews and len(list(tmp_path.iterdir())) == 1)
    assert "the last" in {call_id for _, call_id, _ in read(written_in(tmp_path))[0]}
    await journal.close()
