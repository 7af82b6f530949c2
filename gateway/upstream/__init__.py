"""The HTTP client and its one error border: nothing foreign leaves this room but an `UpstreamError`.

The one rule that matters: a request is sent once or not at all, and every failure says truthfully (when in doubt, yes)
whether a byte of it may have left - that decides between releasing a hold and charging for it.

    client      Upstream and its Exchange: one request, TLS, timeouts, redirects refused
    connector   dialling and keeping: which addresses are never dialled, how long a connection is kept
    wire        between a socket and its connection: small reads, into one buffer
    connection  one connection: bytes out, a parsed answer in, silence and loss noticed
    target      where a request goes, and its head as bytes (no I/O)
    headers     what may cross: hop-by-hop fields stay behind, both ways
    answer      Answer: status, headers and a body that is read in pieces and loses nothing to a cut
    inflate     the bounded undoing of a compression that nobody asked for (no I/O)
    border      the tables from foreign errors to ours
"""

from gateway.upstream.answer import Answer
from gateway.upstream.client import Exchange, Upstream

__all__ = ["Answer", "Exchange", "Upstream"]
