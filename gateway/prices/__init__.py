"""Prices: what a model costs in dollars, from a table that was compiled from public data, and the file's own.

The one rule that matters: never a wrong guess. A model is priced by the provider that serves it, or not at all.
"""

from gateway.prices.lookup import Prices
from gateway.prices.table import Table, load

__all__ = ["Prices", "Table", "load"]
