"""The built-in demo model: an OpenAI-compatible server on a loopback port, so that a first run needs no account.

The one rule that matters: it behaves like a real provider - usage, limits, streams, errors - and touches no network.

    answers     what it says, and in which shape (no I/O)
    vectors     deterministic unit vectors for embeddings (no I/O)
    server      the sockets
"""

from gateway.demo.server import demo_server

__all__ = ["demo_server"]
