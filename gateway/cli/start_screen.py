"""Owns the start screen: addresses, keys to try, and lines to copy into a shell. Pure.

The rule that matters: the only keys shown are those that config.example.yaml publishes anyway.
"""

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

from gateway import __version__
from gateway.cli.doubts import NO_KEY
from gateway.cli.table import table
from gateway.config import Config
from gateway.config.keys import DEMO_KEYS
from gateway.model import Key
from gateway.providers import Routes

_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - nothing listens here


@dataclass(frozen=True, slots=True)
class Trial:
    """What a first call is made with: where, with which key text, for which model."""

    url: str
    key: str
    model: str


def render(config: Config, url: str, admin_url: str) -> str:
    """Say what is served at `url` and what to try first."""
    keys = demo_keys(config)
    # Without any key, lines to copy could only give 401.
    tried = _tried(trial(config, url, keys)) if config.keys else [NO_KEY.capitalize()]
    return "\n".join(["", *_served(config, url, admin_url), "", *_shown(keys, config), *tried, ""])


def demo_keys(config: Config) -> dict[str, Key]:
    """Give the published keys that this configuration accepts, by their text, in its order."""
    published = {sha256(text.encode()).hexdigest(): text for text in DEMO_KEYS}
    return {published[key.sha256]: key for key in config.keys if key.sha256 in published}


def trial(config: Config, url: str, keys: dict[str, Key]) -> Trial:
    """Choose what to try: a demo key that can call models, else the reader's own key, with a model that it may call."""
    text, key = next(((text, key) for text, key in keys.items() if key.company_id), ("$GATEWAY_KEY", None))
    routes = Routes(config.providers).listed(key.models if key else ())
    return Trial(_reached(url), text, routes[0].model if routes else "MODEL")


def _reached(url: str) -> str:
    """Give an address to call where the server listens on all of them."""
    host, colon, port = urlsplit(url).netloc.rpartition(":")
    return f"http://{_EVERYWHERE.get(host, host)}{colon}{port}"


def _served(config: Config, url: str, admin_url: str) -> list[str]:
    lines = [f"gateway {__version__} serves {url} ({config.source.name})"]
    if _reached(url) != url:
        lines[0] += ", every address of this machine"
    lines += [f"Operators look at {_reached(admin_url)}/metrics, /workers, /readyz, /healthz"]
    return [*lines, f"Apps set their OpenAI base URL to {_reached(url)}/v1; Ctrl-C ends the gateway"]


def _shown(keys: dict[str, Key], config: Config) -> Iterator[str]:
    if not keys:
        return
    yield "Demo keys, accepted as long as only this machine can reach the gateway:"
    rows = [(text, key.name, _whose(key, config)) for text, key in keys.items()]
    yield table(("key", "name", "of"), rows, indent="  ").partition("\n")[2]
    yield ""


def _whose(key: Key, config: Config) -> str:
    if key.company_id is None:
        return f"{key.role.value}, no company: cannot call models"
    company = config.companies[key.company_id].name
    if key.user_id is None:
        return f"{company}, for the user whose id is in X-Gateway-User" if key.acts_for_users else company
    return f"{config.users[key.company_id, key.user_id].name} of {company}"


def _tried(trial: Trial) -> list[str]:
    return [
        "A call:",
        _curl(trial, stream=False),
        "",
        "Streamed:",
        _curl(trial, stream=True),
        "",
        "What is left of each budget:",
        f"  curl -s {trial.url}/v1/budget -H {_authorization(trial)}",
        "",
        "Call until a budget is spent (500 times at most), and see the refusal:",
        f"  for i in $(seq 500); do curl -s {_request(trial, stream=False)} | grep budget_exceeded && break; done",
    ]


def _curl(trial: Trial, *, stream: bool) -> str:
    return f"  curl -s{'N' if stream else 'i'} {_request(trial, stream=stream)}"


def _request(trial: Trial, *, stream: bool) -> str:
    body = {"model": trial.model, **({"stream": True} if stream else {})}
    body["messages"] = [{"role": "user", "content": "Hello"}]
    return (
        f"{trial.url}/v1/chat/completions -H {_authorization(trial)} "
        f"-H 'Content-Type: application/json' -d {shlex.quote(json.dumps(body))}"
    )


def _authorization(trial: Trial) -> str:
    """Quote for a shell; what stands for the reader's own key is a variable of that shell."""
    return f'"Authorization: Bearer {trial.key}"'
