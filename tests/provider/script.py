"""The mini-language of the model name (see the package's docstring), as a frozen value."""

from dataclasses import dataclass, fields

USAGES = frozenset(
    ("asked", "none", "always", "null", "null-after", "zero", "wrong", "junk", "continuous", "groq", "finish")
)


class BadScript(ValueError):
    """A directive that does not exist, or without the value it needs."""


@dataclass(frozen=True, slots=True)
class Script:
    """How one request is answered; None and False where a directive was not given."""

    tokens: int = 12
    think: int = 0
    cached: int = 0
    huge: int = 0
    first: int = 0
    delay: int = 0
    status: int = 200
    prompt: int | None = None
    chunk: int | None = None
    bomb: int | None = None
    retry: int | None = None
    redirect: int | None = None
    cut: int | None = None
    fin: int | None = None
    stall: int | None = None
    error: int | None = None
    gate: int | None = None
    usage: str = "asked"
    overrun: bool = False
    echo: bool = False
    tools: bool = False
    crlf: bool = False
    ping: bool = False
    nodone: bool = False
    gzip: bool = False
    deflate: bool = False
    br: bool = False
    badjson: bool = False
    silent: bool = False
    garbage: bool = False
    extra: bool = False
    naughty: bool = False
    leak: bool = False
    deaf: bool = False
    call: bool = False


KINDS = {field.name: field.type for field in fields(Script)}


def parse(model: str) -> Script:
    """Read a model name. BadScript."""
    _, is_script, words = f"/{model}".rpartition("/m:")
    if not is_script:
        return Script()
    return Script(**dict(_directive(word) for word in words.split(".") if word))


def _directive(text: str) -> tuple[str, object]:
    name, _, value = text.partition("-")
    kind = KINDS.get(name)
    if kind is bool and not value:
        return name, True
    if kind is str and value in USAGES:
        return name, value
    if kind in {int, int | None} and value.isdecimal():
        return name, int(value)
    raise BadScript(f"unknown directive {text!r}")
