"""Owns what a shard's events tell: what each call was charged in the end, and the limits set through an API.

The rule that matters: a call's last event counts. A late settle corrects what an expiry charged, under the same call.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gateway.budget import keys
from gateway.budget.late import BELIEVED_MS
from gateway.budget.leasing import SLICE_ID
from gateway.budget.windows import DAY_MS
from gateway.model import Scope
from gateway.store.connection import Store

PAGE = 1_000
COMPANY_ID_PREFIX = "company@"
NOBODY = "-"
_NEVER = 1 << 62
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_TIME_CHARS, _ID_CHARS = 10, 26


def made_at_ms(call_id: str) -> int | None:
    """Give the instant in a call's id (a ULID, https://github.com/ulid/spec); None where it is none."""
    if len(call_id) != _ID_CHARS or not set(call_id) <= set(_ALPHABET):
        return None
    number = 0
    for character in call_id[:_TIME_CHARS]:
        number = number * 32 + _ALPHABET.index(character)
    return number


def _admitted_ms(event: Mapping[str, str]) -> int:
    """Give when the charge belongs: of one that was sent too late to be believed, the event has when it was sent."""
    told, made = int(event["admitted"]), made_at_ms(event["call"])
    is_late = event["kind"] == "recovered" and made is not None and told - made > BELIEVED_MS
    return made if made is not None and is_late else told


@dataclass(frozen=True, slots=True)
class Ending:
    """How a call ended by its last event: kind, admission (store's ms), what each budget was charged, as text."""

    kind: str
    at_ms: int
    admitted_ms: int
    charged: str


class Stream:
    """One shard's events, read as far as is asked for.

    `scopes` are of the budgets by id: whose counter an event's amounts stand in. `sliced` has the (company, day of the
    epoch) of which no event tells what a user consumed, as slices were spent. What a stream has lost to trimming is
    known: it covers what was admitted after its first event, or everything where nothing was ever trimmed.
    """

    def __init__(self, store: Store, prefix: str, scopes: Mapping[str, Scope]) -> None:
        self._store = store
        self._name = prefix + keys.EVENTS
        self._scopes = scopes
        self._last = "-"
        self._charges: dict[tuple[str, str], dict[str, tuple[int, int]]] = defaultdict(dict)
        self._users: dict[tuple[str, str], dict[str, tuple[int, int]]] = defaultdict(dict)
        self.calls: dict[str, Ending] = {}
        self.sliced: set[tuple[str, int]] = set()
        self.limits: dict[tuple[str, str], str] = {}
        self.first_ms = _NEVER
        self.is_complete = False

    async def open(self) -> None:
        """Read all there is; then learn how far back it reaches. Raises StoreUnavailable."""
        await self.read_to("+")
        if not await self._store.execute("EXISTS", self._name):
            return
        flat: list[Any] = await self._store.execute("XINFO", "STREAM", self._name)
        told = dict(zip(flat[::2], flat[1::2], strict=True))
        self.is_complete = 0 < told[b"length"] == told.get(b"entries-added")
        if told[b"first-entry"]:
            self.first_ms = int(told[b"first-entry"][0].split(b"-")[0])

    def covers(self, instant_ms: int) -> bool:
        """Say whether every charge admitted from this instant on is among the events."""
        return self.is_complete or instant_ms > self.first_ms

    async def read_to(self, last: str) -> None:
        """Read on, up to the event `last` (its id; `+` for all)."""
        while last:
            start = "-" if self._last == "-" else f"({self._last}"
            page = await self._store.execute("XRANGE", self._name, start, last, "COUNT", PAGE)
            for event_id, fields in page:
                self._last = event_id.decode()
                self._take(int(event_id.split(b"-")[0]), {k.decode(): v.decode() for k, v in fields.items()})
            if len(page) < PAGE:
                return

    def charged(self, subject: str, budget_id: str) -> Iterable[tuple[int, int]]:
        """Give (admitted ms, amount) of each call charged in a budget."""
        return self._charges[subject, budget_id].values()

    def consumed(self, company_id: str, user_id: str, from_ms: int, to_ms: int) -> tuple[int, int]:
        """Give the weighted tokens and the charged calls of a user (`-`: nobody's) admitted in [from, to)."""
        amounts = [amount for at, amount in self._users[company_id, user_id].values() if from_ms <= at < to_ms]
        return sum(amounts), len([amount for amount in amounts if amount])

    def users(self, company_id: str) -> Iterator[str]:
        """Give everyone who was charged in a company; `-` is nobody in particular."""
        return (user for owner, user in list(self._users) if owner == company_id)

    def _take(self, at_ms: int, event: dict[str, str]) -> None:
        if event["kind"] == "override":
            for name, line in event.items():
                if name.startswith("new:"):
                    self.limits[event["subject"], name[4:]] = line
        if "charged" not in event:
            return
        call, admitted_ms = event["call"], _admitted_ms(event)
        self.calls[call] = Ending(event["kind"], at_ms, admitted_ms, event["charged"])
        company, _, rest = event["who"].partition("|")
        user, _, key = rest.partition("|")
        for item in event["charged"].split(" ") if event["charged"] else ():
            budget_id, _, amount = item.rpartition("=")
            subject = _subject(self._scopes.get(budget_id), company, user, key)
            if subject is not None:
                self._charges[subject, budget_id][call] = admitted_ms, int(amount)
            if call.startswith(SLICE_ID):
                self.sliced.add((company, admitted_ms // DAY_MS))
            elif budget_id.startswith(COMPANY_ID_PREFIX) and "." not in budget_id:
                owner = NOBODY if event["kind"] == "reported" else user
                self._users[company, owner][call] = admitted_ms, int(amount)


def _subject(scope: Scope | None, company: str, user: str, key: str) -> str | None:
    match scope:
        case Scope.COMPANY:
            return keys.company_subject(company)
        case Scope.USER:
            return keys.user_subject(company, user)
        case Scope.KEY:
            return keys.key_subject(company, key)
        case _:
            return None
