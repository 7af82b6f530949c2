"""Owns telling one life of a server's memory from another, by its INFO. No I/O.

The rule that matters: an epoch is opaque. It changes when what a server had acknowledged may be gone: another process
(run_id, after a restart or a failover), or another history of its data (master_replid). So that an answer can be
counted to its epoch, read `Store.epoch` when submitting: connections of an earlier epoch of a server end before a later
one begins, and an answer belongs to the epoch it was submitted in, or to a later one.

Who keeps what was acknowledged (LEDGER.md section 7) sends again what carries another epoch than the current one: at
`on_new_epoch`, and when an answer arrives late. Every operation is idempotent, so too much sent again is harmless, as
when a cluster's node is met for the first time, which is a new epoch too.

INFO: https://valkey.io/commands/info/
"""

from collections.abc import Iterable
from dataclasses import dataclass

_RUN, _HISTORY, _ROLE = "run_id", "master_replid", "role"


@dataclass(frozen=True, slots=True)
class Greeting:
    """Who answers on a connection."""

    epoch: str
    is_primary: bool


def read_greeting(reply: bytes | str) -> Greeting:
    """Read the answer to `INFO server replication`; a server that hides its role is taken at its word elsewhere."""
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    epoch = f"{fields.get(_RUN, '')}-{fields.get(_HISTORY, '')}"
    return Greeting(epoch, fields.get(_ROLE, "master") == "master")


def joined(epochs: Iterable[str]) -> str:
    """Give the epoch of a cluster by those of its nodes; nodes that were not met yet have none."""
    return ",".join(sorted(filter(None, epochs)))
