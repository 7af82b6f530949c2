"""`gateway reconcile` beside a real gateway, after it has gone, and where there never was one."""

import asyncio
import json
from pathlib import Path

from gateway.cli.reconciled import render
from gateway.reconcile import Note, Reconciled
from gateway.store import socket_url
from gateway.store.connection import Store
from gateway.store.shards import prefix
from tests.cli.running import example_in, gateway, serving

ACME = "11111111-1111-4111-8111-111111111111"
ADA = "22222222-2222-4222-8222-222222222222"
STATE = f"{prefix(ACME)}b:u:{ACME}:{ADA}"


async def _doubled(directory: Path) -> None:
    """Double what ada has used today, by hand."""
    url = socket_url(directory)
    assert url is not None
    store = Store.connect(url)
    start, used, held, mark = (await store.execute("HGET", STATE, "user-daily@day")).decode().split(":")
    await store.execute("HSET", STATE, "user-daily@day", f"{start}:{2 * int(used)}:{held}:{mark}")
    await store.close()


def _reconcile(config: Path, *arguments: str) -> tuple[int, str, str]:
    answer = gateway("reconcile", "--config", config, *arguments)
    return answer.returncode, answer.stdout, answer.stderr


def test_drift_is_found_told_and_repaired_beside_a_gateway(tmp_path: Path) -> None:
    """Exit status 0, 1, 1, 0 after the repair, and 0 when the gateway has gone; the log says who changed what."""
    config = example_in(tmp_path)
    with serving(config) as served:
        assert [served.ask(text)[0] for text in ("Hello", "Again")] == [200, 200]
        status, printed, _ = _reconcile(config)
        assert (status, printed.splitlines()[0]) == (0, "no drift")
        (data_dir,) = {path.parent for path in tmp_path.rglob("valkey.log")}
        asyncio.run(_doubled(data_dir))
        for _ in range(2):
            status, printed, _ = _reconcile(config, "--company", "acme")
            assert status == 1
            (line,) = [line for line in printed.splitlines() if "user-daily" in line and line.startswith("acme ")]
            assert "ada" in line
            assert "--repair would" in line
        status, printed, log = _reconcile(config, "--repair")
        assert (status, printed.splitlines()[0]) == (0, "0 to repair, 1 repaired")
        (event,) = [json.loads(line) for line in log.splitlines() if '"repaired"' in line]
        assert event["who"].endswith("(gateway reconcile)")
        assert (event["company"], event["holder"], event["budget"]) == ("acme", "ada", "user-daily")
        assert int(event["before"]) == 2 * int(event["after"])
        assert served.ask("Once more")[0] == 200
    status, printed, _ = _reconcile(config)
    assert (status, printed.splitlines()[0]) == (0, "no drift")


def test_where_no_gateway_was_nothing_is_made(tmp_path: Path) -> None:
    """Nothing was ever used: no drift, and no data directory appears."""
    config = example_in(tmp_path)
    assert _reconcile(config)[:2] == (0, "no drift\n")
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]


def test_a_company_that_is_not_there_is_a_mistake_of_the_command_line(tmp_path: Path) -> None:
    """Exit status 2, and the names that there are."""
    status, _, told = _reconcile(example_in(tmp_path), "--company", "nobody")
    assert status == 2
    assert "acme" in told


def test_what_was_not_compared_is_printed_with_its_reason() -> None:
    """Notes are counted and given with why; a call's fate is a line of its own."""
    found = Reconciled(notes={Note("acme", "spent", "the roll-ups know no dollars"): 3}, calls=["call-1: settled"])
    lines = ["no drift", "", "Not compared:", "  acme: spent (3 of them): the roll-ups know no dollars", ""]
    assert render(found).splitlines() == [*lines, "call-1: settled"]
