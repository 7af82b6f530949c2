"""What applies when, as docs/operations.md says it: the table, what is warned of, and no setting forgotten."""

import re
from dataclasses import fields
from pathlib import Path

from gateway.config import Config
from gateway.supervisor.reload import NEW_GATEWAY, NEW_WORKERS

PAGE = (Path(__file__).parents[2] / "docs/operations.md").read_text("utf-8")
TABLE = PAGE.partition("| a change of | applies |\n|---|---|\n")[2].partition("\n\n")[0]
ROWS = dict(row.strip("| ").split(" | ") for row in TABLE.splitlines())

# What lives as long as a process and yet follows the file, by its section: tests/app/test_reload.py and test_reload.py.
FOLLOWED = {
    "admin": set(),
    "store": {"on_failure", "grace_tokens", "retention_days"},
    "ledger": {"enforcement", "tranche_tokens", "default_output_tokens", "weights", "unpriced"},
}


def named(when: str) -> set[str]:
    """Give the settings of a row."""
    (cell,) = (cell for cell, applies in ROWS.items() if applies == when)
    return set(re.findall(r"`([a-z_]+\.[a-z_]+)`", cell))


def test_the_table_names_what_does_not_apply_by_itself() -> None:
    """Each setting that takes a signal or a new start is there, and no other; the last row is the rest."""
    assert named("with SIGHUP") == set(NEW_WORKERS)
    assert named("with a new start of the gateway") == set(NEW_GATEWAY)
    assert list(ROWS.items())[2:] == [("everything else", "by itself, to the next call of each worker")]


def test_no_setting_of_what_lives_long_is_forgotten() -> None:
    """A setting of the store, the ledger or the admin listener is followed, or somebody is told that it is not."""
    kinds = {field.name: field.type for field in fields(Config)}
    for section, followed in FOLLOWED.items():
        kind = kinds[section]
        assert isinstance(kind, type)
        told = {name.partition(".")[2] for name in (*NEW_WORKERS, *NEW_GATEWAY) if name.startswith(f"{section}.")}
        assert told.isdisjoint(followed)
        assert told | followed == {field.name for field in fields(kind)}
