"""`gateway key new`: a fresh key, shown once, and the line that lets it in."""

import json
import re
import secrets
from hashlib import sha256

import click

PREFIX = "gw-"
KEY_BYTES = 32
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


@click.group("key")
def command() -> None:
    """Make API keys."""


@command.command("new")
@click.option("--name", default="new-key", show_default=True, help="What people, budgets and logs call the key.")
@click.option("--company", help="Who pays, by name or id.")
@click.option("--user", help="Whose key it is, by name or id; left out: a service key of the company.")
def new(name: str, company: str | None, user: str | None) -> None:
    """Print a fresh key, once, and the line for the configuration.

    The configuration gets the key's SHA-256, so whoever reads the file cannot use the key.
    """
    if user is not None and company is None:
        raise click.UsageError("--user needs --company: a user belongs to one.")
    click.echo(render(new_key(), name, company, user))


def new_key() -> str:
    """Make a key of 256 random bits that fits in a header and in the path of a URL."""
    return PREFIX + secrets.token_urlsafe(KEY_BYTES)


def render(key: str, name: str, company: str | None, user: str | None) -> str:
    """Say what to do with a key."""
    fields = [("name", name), ("sha256", sha256(key.encode()).hexdigest()), ("company", company), ("user", user)]
    entry = ", ".join(f"{field}: {_scalar(value)}" for field, value in fields if value is not None)
    lines = [
        "The key, shown this once; give it to its app:",
        "",
        f"  {key}",
        "",
        "Its line under `keys:` in the configuration:",
        "",
        f"  - {{{entry}}}",
    ]
    if company is None:
        lines += ["", "It still lacks `company: NAME`, or `role: admin` for a key that only administers."]
    return "\n".join(lines)


def _scalar(text: str) -> str:
    """Write a text as YAML: JSON's quoted strings are."""
    return text if _PLAIN.fullmatch(text) else json.dumps(text)
