"""Who can read a journal: it holds names of companies, users and budgets."""

import stat
from pathlib import Path

from gateway.journal import Journal


def modes(directory: Path) -> set[int]:
    """Give the permissions of a directory and of what is in it."""
    return {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in (directory, *directory.iterdir())}


async def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """Neither the directory nor a file in it is open to anybody else."""
    directory = tmp_path / "journal"
    journal = Journal(directory, "store")
    journal.settled("call", b"charge")
    assert await journal.secured()
    assert len(list(directory.iterdir())) == 1
    assert modes(directory) == {0}
    await journal.close()
