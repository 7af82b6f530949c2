"""Warnings before a budget is gone: to the log, to a webhook, and to whoever counts them.

The rule that matters: a warning is told once for each budget, window, limit and threshold, whatever number of gateways
and restarts there are, and telling it is never in the way of a call.

    crossing    which thresholds a budget's numbers have passed (no I/O)
    events      what is told, as a log line and as JSON (no I/O)
    keys        the names in the store
    outbox      the marks that make it once, and what waits for the webhook: two scripts
    webhook     the signed POST
    watch       Warnings: from a call's levels to all of these
"""

from gateway.warnings.watch import Warnings

__all__ = ["Warnings"]
