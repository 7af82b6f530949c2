"""Streams that nobody reads take little of a worker each, and it is given back when they have gone (Linux, glibc)."""

import json
import platform
import socket
import time
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from benchmarks.memory import taken, workers
from tests.end_to_end.serving import FarEnd, Served, configured, eventually, serving
from tests.gateways import ADA_KEY, Limits

READERS = 60
EACH_MIB = 0.2
"""Twice what one takes; without bounds of ours it was 0.5."""
BODY = json.dumps({
    "model": "gpt-4o/m:tokens-40000",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 50_000,
    "stream": True,
})  # fmt: skip
REQUEST = (
    f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ADA_KEY}\r\n"
    f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n{BODY}"
).encode()

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="looks into /proc, and needs malloc_trim")


def rss_mib(gateway: Served) -> float:
    """Give what its one worker has resident."""
    (worker,) = workers(gateway.process.pid)
    return taken(worker).rss


def stall(gateway: Served, stack: ExitStack) -> None:
    """Ask for a stream and read nothing but its first line."""
    reader = stack.enter_context(socket.socket())
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    address = urlsplit(gateway.url)
    reader.connect((address.hostname, address.port))
    reader.sendall(REQUEST)
    assert reader.recv(12) == b"HTTP/1.1 200"


def settled_rss(gateway: Served) -> float:
    """Give it once it does not change any more."""
    before = rss_mib(gateway)
    while True:
        time.sleep(1)
        now = rss_mib(gateway)
        if abs(now - before) < 0.25:
            return now
        before = now


@pytest.mark.timeout(180)
def test_what_stalled_readers_take(far_end: FarEnd, tmp_path: Path) -> None:
    """Memory is bounded while they stand, and comes back."""
    limits = Limits(company_tokens=100_000_000, stall_seconds=600)
    path = configured(tmp_path, far_end.base_url, limits, server={"workers": 1})
    with serving(path) as gateway:
        with ExitStack() as few:
            for _ in range(5):
                stall(gateway, few)
            settled_rss(gateway)
        start = settled_rss(gateway)
        with ExitStack() as crowd:
            for _ in range(READERS):
                stall(gateway, crowd)
            standing = settled_rss(gateway)
        assert standing < start + READERS * EACH_MIB
        eventually(lambda: rss_mib(gateway) < start + READERS * EACH_MIB / 2)
