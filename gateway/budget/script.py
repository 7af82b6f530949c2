"""The ledger's one script, joined from its Lua files: Redis has no include, and one script has one SHA."""

from importlib import resources

from gateway.store.connection import Script

_OPERATIONS = ("reserve", "extend", "settle", "together", "report", "reap", "read", "override")
PARTS = ("prelude", "batch", "window", "charge", *_OPERATIONS, "dispatch")


def load() -> Script:
    """Read the Lua files and give the whole script, each part headed by its file's name."""
    folder = resources.files("gateway.budget") / "lua"
    return Script("\n".join(f"-- {part}.lua\n{(folder / f'{part}.lua').read_text('utf-8')}" for part in PARTS))
