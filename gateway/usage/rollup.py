"""Owns what one charge adds to the roll-ups (DESIGN.md section 6). No I/O; on the path of every call.

`plan` is what an expired lease leaves behind, `charged` what a settle adds: the same fields in both, so that a late
settle takes the one back and adds the other. Weighted tokens come from the ledger's own sums: there is one truth.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

import msgspec

from gateway.config.value import Credits
from gateway.model import MICROS, Caller, Endpoint, Increment, Key, Purpose, Rollup, Route, Usage
from gateway.usage import keys
from gateway.usage.names import usage_key

_ENDPOINT_CATEGORIES: Mapping[Endpoint, str] = {
    Endpoint.EMBEDDINGS: "knowledge_doc_indexing",
    Endpoint.EMBED_CONTENT: "knowledge_doc_indexing",
    Endpoint.BATCH_EMBED_CONTENTS: "knowledge_doc_indexing",
    Endpoint.OLLAMA_EMBED: "knowledge_doc_indexing",
    Endpoint.RERANK: "rerank",
    Endpoint.TRANSCRIPTIONS: "asr",
    Endpoint.TRANSLATIONS: "asr",
    Endpoint.SPEECH: "tts",
}
_COMPLETING = frozenset(
    {
        Endpoint.CHAT,
        Endpoint.COMPLETIONS,
        Endpoint.RESPONSES,
        Endpoint.RESPONSES_COMPACT,
        Endpoint.MESSAGES,
        Endpoint.GENERATE_CONTENT,
        Endpoint.OLLAMA_CHAT,
        Endpoint.OLLAMA_GENERATE,
        Endpoint.CONVERSE,
    }
)

EXTERNAL = "external"
REPORT = "report"
"""The first and last part of the usage key that reported usage stands under: its provider and its purpose."""

_KINDS = ("input", "output", "cache_read", "cache_creation", "reasoning", "estimated", "weighted")
_QUARTER_MS = 900_000  # days begin on a quarter of an hour in every zone since 1972, so all names hold for one
_MAX_LINES = 4096


class Charge(msgspec.Struct, frozen=True, gc=False):
    """All that names one call's charge; `model` is what `ModelNames` calls the route's.

    `is_tool_turn`: the last message is a tool's result. `imported_chars` counts where the purpose imports.
    """

    caller: Caller
    purpose: Purpose
    route: Route
    endpoint: Endpoint
    model: str
    session: str | None = None
    is_tool_turn: bool = False
    imported_chars: int = 0


@dataclass(frozen=True, slots=True)
class _Line:
    """The names of a charge for a quarter of an hour, and what each such charge adds alike; `fields` are by kind."""

    usage_hash: str
    fields: Mapping[str, str]
    alike: tuple[Increment, ...]
    index_entry: tuple[str, str]
    session_sets: tuple[str, ...]
    credits_hash: str
    category: str


def category(purpose: Purpose, endpoint: Endpoint, *, is_tool_turn: bool) -> str:
    """Give the billing category: the purpose's, else `tool_call` for a turn on a tool's result, else the endpoint's."""
    return purpose.category or ("tool_call" if is_tool_turn else _ENDPOINT_CATEGORIES.get(endpoint, "chat"))


class Rollups:
    """What charges add, under one configuration.

    Billing days begin at midnight in the zone of `prices`, all others in UTC; keys live for `ttl_seconds`.
    """

    def __init__(self, prices: Credits, *, ttl_seconds: int) -> None:
        self._prices = prices
        self._flat = (prices.per_1k_micros, prices.per_1k_micros)
        self._zone = ZoneInfo(prices.timezone)
        self._ttl_seconds = ttl_seconds
        self._lines: dict[tuple[object, ...], _Line] = {}

    def plan(
        self, charge: Charge, now_ms: int, *, prompt_tokens: int, weighted_prompt_tokens: int, output_weight_micros: int
    ) -> Rollup:
        """Give what an expired lease adds, marked as estimated; the ledger adds the completion tokens at their rates.

        `weighted_prompt_tokens` and `output_weight_micros` are what it holds for the prompt and per completion token.
        """
        amounts = (
            ("input", prompt_tokens, 0),
            ("output", 0, MICROS),
            ("estimated", prompt_tokens, MICROS),
            ("weighted", weighted_prompt_tokens, output_weight_micros),
        )
        line = self._line(charge, now_ms)
        return self._rollup(charge, line, amounts, self._bill(charge, line, prompt_tokens, 0, expects_output=True))

    def charged(self, charge: Charge, admitted_ms: int, usage: Usage, weighted_tokens: int) -> Rollup:
        """Give what a settled call adds, on the days of its admission; `weighted_tokens` is the ledger's sum."""
        amounts = (
            ("input", usage.input_tokens, 0),
            ("output", usage.output_tokens, 0),
            ("cache_read", usage.cache_read_tokens, 0),
            ("cache_creation", usage.cache_creation_tokens, 0),
            ("reasoning", usage.reasoning_tokens, 0),
            ("estimated", usage.input_tokens + usage.output_tokens if usage.estimated else 0, 0),
            ("weighted", weighted_tokens, 0),
        )
        line = self._line(charge, admitted_ms)
        bill = self._bill(charge, line, usage.input_tokens, usage.output_tokens, expects_output=False)
        return self._rollup(charge, line, amounts, bill)

    def reported(self, key: Key, company_id: str, now_ms: int, tokens: int) -> Rollup:
        """Give what usage adds that `key` reports from outside: to the company, to none of its users and agents.

        It has no model and no price; prompt and completion are not told apart, and stand as input.
        """
        day, nobody = keys.day_of(now_ms), keys.pair(None, None)
        name = usage_key(EXTERNAL, "usage", key.hint, "", chargeable=False, purpose=REPORT)
        usage_hash = keys.rollup(keys.USAGE, company_id, day, nobody)
        amounts = (("requests", 1), ("input", tokens), ("weighted", tokens))
        increments = tuple(Increment(usage_hash, f"{kind}:{name}", amount) for kind, amount in amounts)
        return Rollup(increments, ((keys.index(company_id, day), nobody),), self._ttl_seconds)

    def _rollup(
        self, charge: Charge, line: _Line, amounts: tuple[tuple[str, int, int], ...], bill: Increment
    ) -> Rollup:
        chargeable = charge.route.provider.chargeable
        increments = [*line.alike]
        for kind, amount, rate in amounts:
            if amount or rate:
                increments.append(Increment(line.usage_hash, line.fields[kind], amount, rate))
        if charge.purpose.imports and charge.imported_chars > 0:
            total = "imported_chars" if chargeable else "free_imported_chars"
            increments.append(Increment(line.usage_hash, total, charge.imported_chars))
        if chargeable and (bill.amount or bill.per_token_micros):
            increments.append(bill)
        members = [line.index_entry]
        if charge.session is not None:
            digest = keys.session_digest(charge.session)
            members += [(name, digest) for name in line.session_sets]
        return Rollup(tuple(increments), tuple(members), self._ttl_seconds)

    def _line(self, charge: Charge, at_ms: int) -> _Line:
        caller = charge.caller
        name = (
            at_ms // _QUARTER_MS,
            caller.key.sha256,
            caller.user and caller.user.id,
            caller.agent and caller.agent.id,
            charge.purpose.code,
            charge.route.provider.name,
            charge.endpoint,
            charge.model,
            charge.is_tool_turn,
        )
        line = self._lines.get(name)
        if line is None:
            if len(self._lines) >= _MAX_LINES:
                self._lines.clear()
            line = self._lines[name] = _name(charge, keys.day_of(at_ms), keys.day_of(at_ms, self._zone))
        return line

    def _bill(
        self, charge: Charge, line: _Line, input_tokens: int, output_tokens: int, *, expects_output: bool
    ) -> Increment:
        input_micros, output_micros = self._prices.models.get(charge.route.model, self._flat)
        thousandths = input_tokens * input_micros + output_tokens * output_micros
        rate = output_micros * (MICROS // 1000) if expects_output else 0
        return Increment(line.credits_hash, line.category, -(-thousandths // 1000), rate)


def _name(charge: Charge, day: date, billing_day: date) -> _Line:
    caller, provider = charge.caller, charge.route.provider
    if caller.company is None:
        raise ValueError("a caller without a company has nothing to charge")
    company_id = caller.company.id
    pair = keys.pair(caller.user, caller.agent)
    usage_hash = keys.rollup(keys.USAGE, company_id, day, pair)
    name = usage_key(
        provider.name,
        charge.endpoint,
        caller.key.hint,
        charge.model,
        chargeable=provider.chargeable,
        purpose=charge.purpose.code,
    )
    return _Line(
        usage_hash=usage_hash,
        fields={kind: f"{kind}:{name}" for kind in _KINDS},
        alike=tuple(Increment(usage_hash, field, 1) for field in (f"requests:{name}", *_completions(charge))),
        index_entry=(keys.index(company_id, day), pair),
        session_sets=tuple(keys.rollup(letter, company_id, day, pair) for letter in _session_letters(charge)),
        credits_hash=keys.credits_hash(company_id, billing_day),
        category=category(charge.purpose, charge.endpoint, is_tool_turn=charge.is_tool_turn),
    )


def _completions(charge: Charge) -> tuple[str, ...]:
    if charge.endpoint not in _COMPLETING:
        return ()
    total = "completions" if charge.route.provider.chargeable else "free_completions"
    return (total, f"{total}_deep") if charge.purpose.deep_thought else (total,)


def _session_letters(charge: Charge) -> tuple[str, ...]:
    if charge.endpoint not in _COMPLETING or not charge.route.provider.chargeable:
        return (keys.ALL_SESSIONS,)
    valid = (keys.ALL_SESSIONS, keys.VALID_SESSIONS)
    return (*valid, keys.DEEP_SESSIONS) if charge.purpose.deep_thought else valid
