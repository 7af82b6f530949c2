"""Owns what may stand in a log line: no secret, no control character, no long text.

Every line passes here last, whoever wrote it. Secrets are found by their text (all that is configured) and by their
shape (all that looks like one), before anything is cut, so that no piece of one is left.
"""

import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

MAX_CHARS = 256
MAX_TRACEBACK_CHARS = 8192
MIN_SECRET_CHARS = 8  # shorter ones are words, such as the `none` that a local server wants for a key
HIDDEN = "***"

_MOST_KNOWN = 4096
_MAX_SEARCHED_CHARS = 65_536  # what stands further in is never shown
_TRACEBACK = "exception"
_NAMES = frozenset({"authorization", "api_key", "key_text", "password", "secret", "token"})
_PLAIN = frozenset({int, float, bool})
_SAFE_TYPES = _PLAIN | {str, type(None)}
_NAMED = r"""["']?\s*[:=]\s*["']?(?:\w+\s+)?[^\s"',}]+"""

# A shape is only searched for in texts that contain its mark (in lower case): a search costs far more.
_SHAPES = tuple(
    (mark, re.compile(shape, re.IGNORECASE))
    for mark, shape in (
        ("sk-", r"\bsk-[\w.~-]{12,}"),
        ("aiza", r"\bAIza[\w-]{20,}"),
        ("eyj", r"\beyJ[\w-]{8,}\.[\w.-]+"),
        ("bearer", r"\bbearer\s+[^\s\"',}]+"),
        ("basic", r"\bbasic\s+[\w+/=-]{8,}"),
        ("token", r"\btoken\s+(?=\S*\d)[^\s\"',}]{16,}"),
        ("authorization", rf"\bauthorization{_NAMED}"),
        ("api-key", rf"\bapi-key{_NAMED}"),
        ("api_key", rf"\bapi_key{_NAMED}"),
        ("password", rf"\bpassword{_NAMED}"),
        ("://", r"://[^/\s@]+@"),
        ("consumptionlogs/", r"consumptionlogs/[^/\s\"']+"),
    )
)


class Redactor:
    """A structlog processor that makes an event safe to write; `secrets` are the live texts to hide."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: tuple[str, ...] = ()
        self._known: dict[str, str] = {}
        self.learn(secrets)

    def learn(self, secrets: Iterable[str]) -> None:
        """Hide these texts too; the ones known stay hidden, for calls that began under an older configuration."""
        spellings = {
            spelling for secret in secrets if len(secret) >= MIN_SECRET_CHARS for spelling in _spellings(secret)
        }
        self._secrets = tuple(sorted(spellings | {*self._secrets}, key=len, reverse=True))
        self._known.clear()

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        """Give the event with every name and value made safe."""
        if self._is_safe(event):
            return event
        return {self.clean(str(name)): self._value(name, value) for name, value in event.items()}

    def clean(self, text: str) -> str:
        """Hide secrets, escape what does not print, cut to `MAX_CHARS`."""
        text = _printable(self._hide(text[:_MAX_SEARCHED_CHARS]))
        return text if len(text) <= MAX_CHARS else f"{text[: MAX_CHARS - 1]}…"

    def clean_again(self, text: str) -> str:
        """Do the same for a text that comes again and again, such as a name; what it came to is remembered."""
        cleaned = self._known.get(text)
        if cleaned is None:
            cleaned = self.clean(text)
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            if len(text) <= MAX_CHARS:
                self._known[text] = cleaned
        return cleaned

    def clean_traceback(self, text: str) -> str:
        """Do the same, line by line; what is kept is the end, where the error stands."""
        text = self._hide(text[-_MAX_SEARCHED_CHARS:])
        text = "\n".join([_printable(line) for line in text.split("\n")])
        return text if len(text) <= MAX_TRACEBACK_CHARS else f"…{text[1 - MAX_TRACEBACK_CHARS :]}"

    def _is_safe(self, event: Mapping[str, Any]) -> bool:
        """Whether nothing has to be changed: most lines are short texts and numbers, and are looked at as one text."""
        values = event.values()
        if not _SAFE_TYPES.issuperset(map(type, values)) or not _NAMES.isdisjoint(event):
            return False
        texts = [*event, *[value for value in values if type(value) is str]]
        blob = " ".join(texts)
        if len(blob) > MAX_CHARS and max(map(len, texts)) > MAX_CHARS:
            return False
        return blob.isprintable() and blob == self._hide(blob)

    def _hide(self, text: str) -> str:
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, HIDDEN)
        lower = text.lower()
        for mark, shape in _SHAPES:
            if mark in lower:
                text = shape.sub(HIDDEN, text)
        return text

    def _value(self, name: str, value: Any) -> Any:
        if name in _NAMES:
            return HIDDEN
        if value is None or type(value) in _PLAIN:
            return value
        if type(value) is dict:
            return {self.clean(str(key)): self._value(str(key), inner) for key, inner in value.items()}
        text = value if isinstance(value, str) else repr(value)
        if name == _TRACEBACK:
            return self.clean_traceback(text)
        return self.clean(text)


def _spellings(secret: str) -> tuple[str, str]:
    """Give a secret as it is and as a `repr` shows it."""
    return secret, repr(secret)[1:-1]


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join([char if char.isprintable() else char.encode("unicode_escape").decode() for char in text])
