"""Owns how consumption is named: `provider|endpoint|api-key|model|charge|purpose`, and how many names there may be.

Every part comes from the configuration except the model of a route that a pattern matched: that is client text, so
`ModelNames` bounds it.
"""

from typing import NamedTuple

from gateway.model import Route

BAR = "|"
CHARGEABLE = "$"
MAX_PART_CHARS = 64
MAX_PATTERN_MODELS = 256
OTHER_MODEL = "other"

_DAY_MS = 86_400_000


class UsageKey(NamedTuple):
    """The parts of a usage key; `charge` is `$` or empty, `api_key` the key's hint, such as `sk-...abcd`."""

    provider: str
    endpoint: str
    api_key: str
    model: str
    charge: str
    purpose: str


def usage_key(provider: str, endpoint: str, key_hint: str, model: str, *, chargeable: bool, purpose: str) -> str:
    """Give a usage key: always exactly five bars, printable, each part at most `MAX_PART_CHARS`."""
    parts = (provider, endpoint, key_hint, model, CHARGEABLE if chargeable else "", purpose)
    return BAR.join([clean(part) for part in parts])


def parse_usage_key(text: str) -> UsageKey:
    """Take a usage key apart; raises `ValueError` unless it has exactly five bars."""
    parts = text.split(BAR)
    if len(parts) != len(UsageKey._fields):
        raise ValueError(f"not a usage key: {text!r}")
    return UsageKey(*parts)


def clean(part: str) -> str:
    """Drop bars and all that does not print (controls, separators, lone surrogates), then cut to `MAX_PART_CHARS`."""
    if BAR in part or not part.isprintable():
        part = "".join(char for char in part if char != BAR and char.isprintable())
    return part[:MAX_PART_CHARS]


class ModelNames:
    """What the roll-ups call a route's model: the listed name, or the requested one where a pattern matched.

    Of the latter at most `most` a day (UTC) and company are told apart in this process, so that invented model names
    cannot fill the store; the rest are `other`. One company's names take no room from another's.
    """

    def __init__(self, most: int = MAX_PATTERN_MODELS) -> None:
        self._most = most
        self._day = 0
        self._seen: dict[str, set[tuple[str, str]]] = {}

    def of(self, route: Route, company_id: str, now_ms: int) -> str:
        """Give the name to count this route's model under, remembering it for the day."""
        if not route.spec.is_pattern:
            return route.spec.name
        if now_ms // _DAY_MS != self._day:
            self._day = now_ms // _DAY_MS
            self._seen = {}
        seen = self._seen.setdefault(company_id, set())
        model = clean(route.model)
        name = (route.provider.name, model)
        if name not in seen:
            if len(seen) >= self._most:
                return OTHER_MODEL
            seen.add(name)
        return model
