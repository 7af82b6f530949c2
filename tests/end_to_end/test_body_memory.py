"""Uploads that never end take no more of a worker than it gives to bodies (Linux, glibc)."""

import platform
import socket
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.end_to_end.serving import FarEnd, Served, configured, serving
from tests.end_to_end.test_stalled_memory import rss_mib
from tests.gateways import ADA_KEY, Limits

MIB = 1 << 20
UPLOADS = 16
EACH_MIB = 15
MOST_MIB = 32
HEAD = (
    f"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {ADA_KEY}\r\n"
    f"Content-Type: application/json\r\nContent-Length: {EACH_MIB * MIB + 1}\r\n\r\n"
).encode()

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="looks into /proc, and needs malloc_trim")


def upload(gateway: Served, stack: ExitStack) -> None:
    """Send all of a body but its last byte, or as much as is taken."""
    writer = stack.enter_context(socket.socket())
    address = urlsplit(gateway.url)
    writer.connect((address.hostname, address.port))
    with suppress(ConnectionError):
        writer.sendall(HEAD + b" " * (EACH_MIB * MIB))


@pytest.mark.timeout(180)
def test_what_unfinished_uploads_take(far_end: FarEnd, tmp_path: Path) -> None:
    """They are 240 MiB, of which a key has room for 16."""
    server = {"workers": 1, "max_body_bytes": 16 * MIB, "max_body_memory": MOST_MIB * MIB}
    path = configured(tmp_path, far_end.base_url, Limits(daily=0), server=server)
    with serving(path) as gateway, ExitStack() as crowd:
        start = rss_mib(gateway)
        for _ in range(UPLOADS):
            upload(gateway, crowd)
        assert rss_mib(gateway) < start + 2 * MOST_MIB
