"""Budgets: windows, the rules that apply, and the ledger that holds them hard under concurrency.

The one rule that matters: a number that decides is read and changed inside the script, on the store's clock.
"""

from gateway.budget.amounts import asks, charges, held_for, needs_price, weighted_tokens
from gateway.budget.batch import LedgerFault
from gateway.budget.lease import Extension, Lease, Order, Override, Refusal, Report, Reported, Share, Verdict
from gateway.budget.ledger import Ledger
from gateway.budget.rules import Rules, Target
from gateway.budget.sliced import SlicedLedger
from gateway.budget.wire import Ask

__all__ = [
    "Ask",
    "Extension",
    "Lease",
    "Ledger",
    "LedgerFault",
    "Order",
    "Override",
    "Refusal",
    "Report",
    "Reported",
    "Rules",
    "Share",
    "SlicedLedger",
    "Target",
    "Verdict",
    "asks",
    "charges",
    "held_for",
    "needs_price",
    "weighted_tokens",
]
