"""Whether the budgets' counters are what they should be: compared with the roll-ups and the events, repaired if asked.

    walk       the order of things, company by company
    bench      a consistent look at a budget;  looking: the scripts;  stream: the events;  traffic: the day indexes
    holdings   which budgets there are, and what tells of each
    budgets, rolling, days    comparing a window, a rolling window, a day's roll-ups
    drift      who is believed where numbers differ;  calls: what became of one call

The rule that matters: nothing is changed unless it was asked for, and then only what still is what was seen.
"""

from gateway.reconcile.drift import Drift, Note, What
from gateway.reconcile.walk import Reconciled, reconcile

__all__ = ["Drift", "Note", "Reconciled", "What", "reconcile"]
