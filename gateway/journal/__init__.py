"""What a worker has sent and not yet seen charged, on the disk, so that its death and the store's lose nothing.

    frames    a file's bytes: length, CRC, msgpack; a torn end is no mistake
    calls     what is open: the records of calls, as the last one left them. Pure
    files     one file a process, locked for its life (flock); those whose owner has died are taken over
    writing   a file that is appended to beside the event loop, and rewritten when little of it is still open
    journal   all of it for one process

The rule that matters: what is written here is opaque. Who wrote it knows what it charges; this room knows which calls
are open, and that a call is closed only by the store's answer.
"""

from gateway.journal.calls import Call
from gateway.journal.files import Inherited
from gateway.journal.journal import Journal

__all__ = ["Call", "Inherited", "Journal"]
