"""File descriptors: how many this process may have, and how many connections of clients that makes.

The rule that matters: a connection that the process has no descriptor for is told so by us, and before there is none
left for a call's way to its provider.
"""

import resource

RESERVED = 256
"""For the store, logs, metrics, vocabularies and what the interpreter holds."""
EACH = 2
"""A call takes its client's connection and one to a provider."""


def raise_limit(connections: int) -> int:
    """Raise the soft limit towards what so many connections take; gives how many then fit, at most so many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = RESERVED + EACH * connections
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard)
        )
    return fitting(connections)


def fitting(connections: int) -> int:
    """Give how many connections fit under this process's limit, at most so many and at least one."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return connections if soft == resource.RLIM_INFINITY else max(1, min(connections, (soft - RESERVED) // EACH))
