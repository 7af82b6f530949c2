"""The token in the path: whatever becomes of a request, it stands nowhere afterwards.

The gateway is a process of its own. Its configuration has only the hash of the key, so no filter can know the text.
"""

import os
import secrets
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession

from gateway.usage.keys import index
from tests.end_to_end.serving import Served, configured, serving
from tests.gateways import ACME, ADA, HELPDESK, Limits
from tests.store.servers import ask
from tests.wire import connect

KEY, WRONG = f"canary-right-{secrets.token_hex(8)}", f"canary-wrong-{secrets.token_hex(8)}"
MARK = b"canary-"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Serve a configuration in which the key can read everything."""
    keys = f"  - {{name: hashed, sha256: {sha256(KEY.encode()).hexdigest()}, company: acme, role: company_admin}}"
    path = configured(tmp_path, "http://127.0.0.1:1/v1", Limits(keys=keys, cors_origins="['https://a.example']"))
    with serving(path) as gateway:
        yield gateway


@dataclass
class Reader:
    """Sends requests, and keeps all that comes back: header by header, byte by byte."""

    url: str
    session: ClientSession
    received: list[bytes] = field(default_factory=list)

    async def get(self, path: str, method: str = "GET") -> dict[str, Any]:
        url = f"{self.url}/api/v2/{path}"
        async with self.session.request(method, url, headers={"Origin": "https://a.example"}) as answer:
            self.received += [part for header in answer.raw_headers for part in header] + [await answer.read()]
            return {} if method == "OPTIONS" else await answer.json()

    async def send(self, data: str) -> bytes:
        """Send what is no HTTP."""
        stream, writer = await connect(self.url)
        writer.write(data.encode())
        reply = await stream.read()
        writer.close()
        self.received.append(reply)
        return reply


REFUSED = {
    f"TenantConsumptionLogs/{WRONG}/acme/Daily": -101,
    f"TenantConsumptionLogs/{KEY}/acme/Weekly": -901,
    f"UserConsumptionLogs/{KEY}/{WRONG}/Daily": -904,
    f"TenantConsumptionLogs/{KEY}/{WRONG}/Daily": -102,
    f"TenantConsumptionLogs/{KEY}/acme/Daily/{WRONG}": -902,
}
START = f"GET /api/v2/TenantConsumptionLogs/{KEY}/acme/Daily"
BROKEN = (
    f"{START} HTTP/1.1\r\nReferer: {KEY}\r\nbroken\r\n\r\n",
    f"{START} HTTP/1.1\r\nHost: a\r\n{KEY} : {KEY}\r\n\r\n",
    f"{START}\0 HTTP/1.1\r\nHost: a\r\n\r\n",
    f"{START} {KEY} HTTP/1.1\r\nHost: a\r\n\r\n",
    f"{START.replace('/api', 'http://a/api')} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
)


async def read_in_every_way(reader: Reader, served: Served) -> None:
    """Have a request answered, refused, not understood; have it meet a mistake of ours, and a store that is silent."""
    whole = [f"TenantConsumptionLogs/{KEY}/acme/Daily", f"UserConsumptionLogs/{KEY}/{ADA}/Monthly/20260101"]
    for path, code in {**dict.fromkeys(whole, 0), **REFUSED}.items():
        assert (await reader.get(path))["resultCode"] == code
    assert (await reader.get(whole[0], "DELETE"))["resultCode"] == 405
    assert await reader.get(whole[0], "OPTIONS") == {}
    assert (await reader.get(f"{whole[0]}/1/2/3"))["error"]["code"] == "unknown_url"
    for data in BROKEN:
        assert b" 400 " in (await reader.send(data)).partition(b"\r\n")[0]
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    await ask(served.store_url, "SET", index(ACME, yesterday), "not the set that it should be")
    assert (await reader.get(f"MemoriConsumptionLogs/{KEY}/{HELPDESK}/Daily"))["resultCode"] == 500
    assert [line for line in served.log() if line["event"] == "unexpected"]
    info: Any = await ask(served.store_url, "INFO", "server")
    os.kill(info["process_id"], signal.SIGSTOP)
    try:
        told = await reader.get(whole[0])
    finally:
        os.kill(info["process_id"], signal.SIGCONT)
    assert (told["resultCode"], told["consumptionLogs"]) == (500, None)
    assert told["resultMessage"].startswith("The budget store is not available")


async def test_the_token_is_nowhere(served: Served) -> None:
    """No header, no body, no line of the log and no file of the gateway holds it, nor a wrong one."""
    async with ClientSession() as session:
        reader = Reader(served.url, session)
        await read_in_every_way(reader, served)
    served.stop()
    assert len(reader.received) > 100
    assert MARK not in b"\n".join(reader.received)
    kept = {path.name: path.read_bytes() for path in served.directory.rglob("*") if path.is_file()}
    assert {"log", "screen", "config.yaml"} <= set(kept)
    assert [name for name, data in kept.items() if MARK in data] == []
