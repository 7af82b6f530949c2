"""A stream that the gateway cuts: its provider is stopped first, then comes the charge, then the client is told."""

import os
import signal
from pathlib import Path

from gateway.store.connection import Store
from tests.gateways import Limits, gateway_running
from tests.pipeline.scripted import scripted_provider
from tests.pipeline.test_growth import Talk, listen
from tests.store.servers import DURABLE, VALKEY, running

TRANCHE = 32


async def test_a_provider_is_stopped_before_the_charge_is_waited_for(tmp_path: Path) -> None:
    """Where the store dies, a stream goes on as far as its hold reaches, and its provider no further."""
    talk = Talk()
    with running(VALKEY, *DURABLE) as url:
        store = Store.connect(url)
        async with (
            scripted_provider(talk.speak) as base_url,
            gateway_running(store, tmp_path, base_url, Limits(tranche_tokens=TRANCHE)) as client,
        ):
            async for heard in listen(client, talk):
                if heard.tokens == 1 and not heard.rest:
                    os.kill(int((await store.execute("INFO", "server"))["process_id"]), signal.SIGKILL)
                if heard.rest:
                    break
            assert talk.has_ended.is_set()
            assert heard.rest[-1]["error"]["code"] == "store_unavailable"
            assert heard.tokens >= TRANCHE
        await store.close()
