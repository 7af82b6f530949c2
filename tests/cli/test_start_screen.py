"""What `gateway serve` prints when it takes calls."""

import re
from pathlib import Path

from gateway import __version__
from gateway.cli.start_screen import demo_keys, render, trial
from tests.cli.configs import KEYLESS, SECRET, configured, example

URL = "http://127.0.0.1:8080"
ADMIN = "http://127.0.0.1:8081"


def test_the_example_shows_its_keys_and_lines_to_copy() -> None:
    """The address, the base URL, each demo key with whose it is, and four things to try."""
    screen = render(example(), URL, ADMIN)
    assert f"serves {URL} (config.example.yaml)" in screen
    assert f"base URL to {URL}/v1" in screen
    assert f"Operators look at {ADMIN}/metrics" in screen
    assert re.search(r"demo-ada-0123456789 +ada-laptop +ada of acme", screen)
    assert re.search(r"demo-backend-0123456789 +acme-backend +acme, for the user whose id is in X-Gateway-User", screen)
    assert re.search(r"demo-ops-0123456789 +ops +admin, no company: cannot call models", screen)
    assert screen.count("curl") == 4
    assert screen.count('"Authorization: Bearer demo-ada-0123456789"') == 4
    assert f"{URL}/v1/budget" in screen
    assert '"stream": true' in screen
    assert "grep budget_exceeded && break" in screen


def test_no_key_of_a_person_is_shown(tmp_path: Path) -> None:
    """Keys that are not published stay unknown; the lines to copy ask for one in a variable."""
    config = configured(tmp_path)
    screen = render(config, URL, ADMIN)
    assert SECRET not in screen
    assert "Demo keys" not in screen
    assert '"Authorization: Bearer $GATEWAY_KEY"' in screen
    assert demo_keys(config) == {}


def test_the_call_to_try_can_succeed(tmp_path: Path) -> None:
    """It has a key with a company and a model that this key may call, at a provider that is on."""
    config = configured(
        tmp_path,
        "providers:\n"
        "  gone: {dialect: openai, base_url: 'http://gone.example', api_key: '', models: {gone: {}}}\n"
        "  demo: {dialect: demo, models: {first: {}, second: {}}}\n"
        "companies: [{id: 11111111-1111-4111-8111-111111111111, name: acme}]\n"
        "keys:\n"
        "  - {name: ops, key: demo-ops-0123456789, role: admin}\n"
        "  - {name: back, key: demo-backend-0123456789, company: acme, models: [sec*]}\n",
    )
    tried = trial(config, URL, demo_keys(config))
    assert (tried.key, tried.model) == ("demo-backend-0123456789", "second")


def test_without_any_key_there_is_nothing_to_copy(tmp_path: Path) -> None:
    """Lines to copy could only give 401: the screen says what is missing instead."""
    assert render(configured(tmp_path, KEYLESS), URL, ADMIN).splitlines() == [
        "",
        f"gateway {__version__} serves {URL} (config.yaml)",
        f"Operators look at {ADMIN}/metrics, /workers, /readyz, /healthz",
        f"Apps set their OpenAI base URL to {URL}/v1; Ctrl-C ends the gateway",
        "",
        "No key: nobody can call; `gateway key new` makes one",
    ]


def test_every_address_is_tried_on_loopback() -> None:
    """Where the server listens on all addresses, the lines to copy name one that works."""
    screen = render(example(), "http://0.0.0.0:9000", ADMIN)
    assert "serves http://0.0.0.0:9000 (config.example.yaml), every address of this machine" in screen
    assert "curl -s http://127.0.0.1:9000/v1" in screen
    assert "curl -s http://[::1]:9000/v1" in render(example(), "http://[::]:9000", ADMIN)
