"""Processes: one supervisor that serves no calls, and workers that do nothing else.

    supervise   what a gateway is made of, in the order of its start;  life: from its first worker to its last
    listening   addresses: bound once, inherited by every worker
    keeper      the store: an embedded one is started, and started again
    nursery     the fork server as the supervisor sees it;  forking: its program
    pool        as many workers as wanted: replaced, restarted in turn
    child       one worker as the supervisor sees it;  worker: its process
    messages    what the two say to each other
    reload      the file: when it changed, what of it can apply at once
    heap        what a worker gives back;  cycles: when it looks for what nobody has any more
    admin       what operators read: health, metrics, workers
    signals     what they want;  patience: how long to wait for what;  secrets: what must not be logged

The rule that matters: a process that dies is replaced, and none outlives the supervisor. Whoever holds the other end of
a socket learns of a death by its end; nobody looks for process ids.
"""

from gateway.supervisor.listening import AddressTaken, listening
from gateway.supervisor.patience import Patience
from gateway.supervisor.pool import WorkersFailed
from gateway.supervisor.supervise import Announce, serve

__all__ = ["AddressTaken", "Announce", "Patience", "WorkersFailed", "listening", "serve"]
