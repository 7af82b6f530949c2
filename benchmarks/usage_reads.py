"""What reading usage costs: `usage_reads.py`, no arguments; it takes about a minute, on a Valkey of its own.

A company of 1,000 users with 2 agents each, active every day of 90: 180,000 records. Its consumption logs are read over
a socket from a gateway in this process, while a ticker notes how late the event loop runs. Per way: logs, megabytes,
seconds, the largest growth of memory, the latest tick, and the slowest command that the store's own clock saw (Valkey's
SLOWLOG, every command above 0.1 ms). Bounds: 64 MB, 50 ms, 5 ms; the machine's own lag stands in the first row.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import batched
from pathlib import Path
from tempfile import TemporaryDirectory

from aiohttp import ClientSession
