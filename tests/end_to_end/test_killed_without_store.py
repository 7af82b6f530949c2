"""A worker that is killed while the store is away: another one takes over what it had sent, and it is charged once."""

import os
import signal
import sys
import threading
from pathlib import Path

import openai
import pytest

from tests.end_to_end.serving import FarEnd, Served, configured, eventually, serving, used
from tests.end_to_end.test_sdk import HELLO
from tests.gateways import ADA_KEY, Limits
from tests.store.restartable import restartable
from tests.supervisor.processes import admin_url, page, serving_pids

pytestmark = [
    pytest.mark.xdist_group("supervisor"),
    pytest.mark.skipif(sys.platform != "linux", reason="one worker after the other is told by its process id"),
]


def ready(served: Served) -> bool:
    """Say whether calls are admitted."""
    return page(served.url, "/readyz")[0] == 200


def call_at_the_gate(served: Served) -> threading.Thread:
    """Make a call that nobody will answer."""

    def make() -> None:
        with openai.OpenAI(base_url=served.api, api_key=ADA_KEY, max_retries=0) as ada:
            try:
                ada.chat.completions.create(model="gpt-4o/m:gate-0.tokens-7", **HELLO)
            except openai.APIError:
                return

    caller = threading.Thread(target=make)
    caller.start()
    return caller


def test_a_worker_that_dies_without_its_store_is_charged_once(far_end: FarEnd, tmp_path: Path) -> None:
    """Not below what was served, not above what was held, and the same after one more restart."""
    far_end.reset()
    with restartable(tmp_path / "store") as store:
        path = configured(tmp_path, far_end.base_url, Limits(), store={"url": store.url}, server={"workers": 1})
        with serving(path) as served:
            caller = call_at_the_gate(served)
            eventually(lambda: len(far_end.log()) == 1)
            store.kill()
            (pid,) = serving_pids(served)
            os.kill(pid, signal.SIGKILL)
            caller.join()
            eventually(lambda: serving_pids(served) - {pid})
            assert page(served.url, "/readyz")[0] == 503
            store.start()
            eventually(lambda: ready(served))
            far_end.open()
            with openai.OpenAI(base_url=served.api, api_key=ADA_KEY) as ada:
                charged = used(ada, "company")
            admin = admin_url(served)
            eventually(lambda: b"gateway_store_breaker_state 0.0" in page(admin, "/metrics")[1])
            assert b"gateway_charges_replayed_total 1.0" in page(admin, "/metrics")[1]
            assert served.stop() == 0
        assert far_end.served_tokens() <= charged <= 2_000
        with serving(path) as served, openai.OpenAI(base_url=served.api, api_key=ADA_KEY) as ada:
            assert used(ada, "company") == charged
