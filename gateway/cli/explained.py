"""Owns what `gateway explain` answers: each budget's verdict, and what the app would be told. Pure.

The rule that matters: it asks what the request path asks (`Callers`, `refused`), so that it cannot tell another story;
only the verdict of a budget is worked out here, as `reserve.lua` does, since asking the script would hold the tokens.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

from msgspec import structs
from multidict import CIMultiDict

from gateway.auth import Action, Callers, require
from gateway.auth.callers import USER_HEADER
from gateway.budget import Ask, Order, Refusal, Verdict, asks, held_for
from gateway.cli import words
from gateway.cli.table import table
from gateway.config import Config, LedgerConfig
from gateway.errors import BudgetRefused, GatewayError
from gateway.model import (
    MICROS,
    UNLIMITED,
    Caller,
    Company,
    Endpoint,
    Enforcement,
    Key,
    Level,
    Price,
    Purpose,
    Rolling,
    Route,
    Tariff,
)
from gateway.pipeline.refusal import refused
from gateway.providers.names import thinks_unseen
from gateway.tokens import added_tokens

_STAND_IN = "a-key-whose-text-nobody-knows"
_SAYS = {
    Verdict.ROOM: "has room",
    Verdict.BUSY: "is busy",
    Verdict.SPENT: "is spent",
    Verdict.TOO_LARGE: "is too small",
}
# The grant rule of LEDGER.md section 5: an answer that cannot be watched gets an eighth of what is left, or this.
_SHARE, _SHARE_LEAST_TOKENS = 8, 256


@dataclass(frozen=True, slots=True)
class Question:
    """A chat as it might come; `output_tokens` None: the app would set no bound; `price` None: there is none."""

    caller: Caller
    purpose: Purpose
    route: Route
    prompt_tokens: int
    output_tokens: int | None
    has_tools: bool = False
    price: Price | None = None

    @property
    def added_tokens(self) -> int:
        """What the provider may add to the prompt, unseen: it is set aside too."""
        return added_tokens(self.route.model, self.route.provider, Endpoint.CHAT, has_tools=self.has_tools)

    @property
    def company(self) -> Company:
        """Who would pay: `caller_of` gives no caller without."""
        assert self.caller.company is not None
        return self.caller.company


@dataclass(frozen=True, slots=True)
class Answer:
    """What would become of it: each budget's verdict, the refusal or None, completion tokens for a stream and a whole.

    `bound_tokens` is the longest answer that the call could ask for.
    """

    question: Question
    levels: tuple[Level, ...]
    verdicts: tuple[tuple[Verdict, int | None], ...]
    refusal: BudgetRefused | None
    bound_tokens: int
    stream_tokens: int
    whole_tokens: int


def caller_of(config: Config, key: Key, user: str | None, now_ms: int) -> Caller:
    """Tell who a call with this key would be; `user` is what X-Gateway-User would hold.

    Raises the GatewayError that the app would get. The key's text is not known here, so another stands in for it.
    """
    known = replace(key, sha256=sha256(_STAND_IN.encode()).hexdigest())
    headers = CIMultiDict({"x-api-key": _STAND_IN, **({} if user is None else {USER_HEADER: user})})
    caller = Callers([known], config.companies, config.users, config.agents).identify(headers, now_ms=now_ms)
    require(Action.CALL_MODELS, caller)
    return structs.replace(caller, key=key)


def answer(question: Question, ledger: LedgerConfig, levels: Sequence[Level], now_ms: int) -> Answer:
    """Judge a call by the levels of its budgets; those that do not count it are left out of the answer."""
    spec = question.route.spec
    bounds = [bound for bound in (question.output_tokens, spec.max_output_tokens) if bound is not None]
    bound_tokens = min(bounds, default=ledger.default_output_tokens)
    prompt_tokens = question.prompt_tokens + question.added_tokens
    asked = asks([level.budget for level in levels], prompt_tokens, Tariff(ledger.weights, question.price))
    levels = [level for level in levels if any(ask.budget is level.budget for ask in asked)]
    verdicts = tuple(verdict(ask, level) for ask, level in zip(asked, levels, strict=True))
    order = Order("", question.company.id, asked, want_tokens=bound_tokens, least_tokens=1)
    is_refused = any(one is not Verdict.ROOM for one, _ in verdicts)
    room_tokens = max(1, min((_room(ask, level) for ask, level in zip(asked, levels, strict=True)), default=MICROS))
    shared_tokens = min(room_tokens, max(_SHARE_LEAST_TOKENS, room_tokens // _SHARE))
    return Answer(
        question=question,
        levels=tuple(levels),
        verdicts=verdicts,
        refusal=refused(Refusal(order, now_ms, verdicts, tuple(levels))) if is_refused else None,
        bound_tokens=bound_tokens,
        stream_tokens=min(bound_tokens, shared_tokens if thinks_unseen(question.route) else room_tokens),
        whole_tokens=min(bound_tokens, shared_tokens),
    )


def verdict(ask: Ask, level: Level) -> tuple[Verdict, int | None]:
    """Judge one budget as `reserve.lua` does, and tell when it has room again (ms), where that is known.

    Of a rolling window only the script knows when enough has left it.
    """
    need = held_for(ask, 1)
    is_shadow = level.budget.enforcement is Enforcement.SHADOW
    if is_shadow or level.limit == UNLIMITED or level.used + level.held + need <= level.limit:
        return Verdict.ROOM, None
    if level.limit == 0:
        return Verdict.SPENT, None
    if need > level.limit:
        return Verdict.TOO_LARGE, None
    if level.used + need <= level.limit:
        return Verdict.BUSY, None
    return Verdict.SPENT, None if isinstance(level.budget.window, Rolling) else level.resets_at_ms


def _room(ask: Ask, level: Level) -> int:
    """Give the completion tokens that fit into a budget; only a hard one cuts an answer to them."""
    is_hard = level.budget.enforcement is Enforcement.HARD
    if not is_hard or level.remaining is None or not ask.rate_micros:
        return 1 << 53
    return (level.remaining - ask.minimum) * MICROS // ask.rate_micros


# ---------------------------------------------------------------- in words


def render_refused(error: GatewayError) -> str:
    """Say that a call would not get as far as its budgets."""
    return f"It would be refused before any budget is asked: {error.status} {error.code}. {error.message}"


def render(found: Answer) -> str:
    """Put an answer into words."""
    said = _passed(found) if found.refusal is None else _refusal(found, found.refusal)
    return "\n".join([_call(found.question), "", _levels(found), "", *said, *_nobody(found.question.caller)])


def _passed(found: Answer) -> Iterator[str]:
    yield (
        f"It would pass. Of the {found.bound_tokens:,} tokens that its answer may have, it would get up to "
        f"{found.stream_tokens:,} as a stream, {found.whole_tokens:,} in one piece."
    )
    if found.whole_tokens < found.bound_tokens:
        yield "Little is left, and calls in flight share it: docs/budgets.md says how."


def _nobody(caller: Caller) -> Iterator[str]:
    if caller.key.acts_for_users and caller.user is None:
        yield "It names no user, so no user's quota counts it; `--user` shows a call that names one."


def _call(question: Question) -> str:
    caller, route = question.caller, question.route
    who = f"{caller.user.name} of {question.company.name}" if caller.user else question.company.name
    agent = f" through {caller.agent.name}" if caller.agent else ""
    added = f", and {question.added_tokens:,} that the provider may add" if question.added_tokens else ""
    return (
        f"A call with the key {caller.key.name} ({who}{agent}) to {route.provider.name}/{route.model}, "
        f"purpose {question.purpose.code}, {question.prompt_tokens:,} prompt tokens{added}:"
    )


def _levels(found: Answer) -> str:
    header = ("budget", "limit", "used", "held", "remaining", "resets at", "enforcement", "this call")
    rows = [
        (
            words.scope_words(level.budget),
            words.count_words(level.limit, level.budget.unit, level.budget.window) + _source(level),
            words.amount_words(level.used, level.budget.unit),
            words.amount_words(level.held, level.budget.unit),
            words.remaining_words(level),
            words.instant_words(level.resets_at_ms),
            level.budget.enforcement.value,
            _SAYS[one],
        )
        for level, (one, _) in zip(found.levels, found.verdicts, strict=True)
    ]
    return table(header, rows, numbers=("used", "held", "remaining"), indent="  ")


def _source(level: Level) -> str:
    return " (override)" if level.is_override else ""


def _refusal(found: Answer, error: BudgetRefused) -> list[str]:
    lines = [f"It would be refused: {error.status} {error.code}. {error.message}"]
    for level, (one, retry_at_ms) in zip(found.levels, found.verdicts, strict=True):
        if one is Verdict.SPENT and retry_at_ms is None and level.resets_at_ms is not None:
            at = words.instant_words(level.resets_at_ms)
            lines.append(f"The oldest spending leaves the window of '{level.budget.name}' at {at}.")
    return lines
