"""The HTTP server: the endpoint table, and the outermost place where an error becomes an answer.

The one rule that matters: what is not in the table is 404. There is no catch-all, and no path is ever passed on.
"""

from gateway.app.server import App
from gateway.app.table import TABLE

__all__ = ["TABLE", "App"]
