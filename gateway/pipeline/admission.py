"""Admission: how much to hold for a call, the reservation in two tiers, and what is sent upstream as a cap."""

from collections.abc import Sequence
from functools import partial

import msgspec

from gateway.budget import Ask, Lease, Order, Refusal, Share, Target, asks, needs_price
from gateway.errors import PriceUnknown
from gateway.model import (
    FREE,
    UNLIMITED,
    Budget,
    Call,
    Caller,
    Company,
    Enforcement,
    Estimate,
    Purpose,
    Rollup,
    Route,
    Tariff,
    Unit,
    Unpriced,
    Usage,
)
from gateway.pipeline.gateway import Gateway
from gateway.pipeline.hold import Charged, Hold
from gateway.pipeline.refusal import refused
from gateway.providers.dialect import DIALECTS, FORMATS, Dialect
from gateway.providers.format import Format
from gateway.telemetry.tracing import Trace
from gateway.tokens import bound, exact
from gateway.usage import Charge

_MOST_TOKENS = 10**12
"""Above every limit there can be; sums of still larger holds would leave the integers that the store counts exactly."""


class Timing(msgspec.Struct):
    """How long the provider took to begin its answer; None while it has not."""

    first_byte_ms: float | None = None


class Admitted(msgspec.Struct, frozen=True):
    """A call that may be sent: who and what it is, what is held for it, and the cap that goes upstream with it.

    `bound_tokens` is the completion that the provider will not go beyond, because the client, the model or our cap
    bounds it; None where nothing does.
    """

    call: Call
    caller: Caller
    purpose: Purpose
    route: Route
    dialect: Dialect
    format: Format
    estimate: Estimate
    hold: Hold
    cap: int | None
    bound_tokens: int | None
    trace: Trace
    timing: Timing = msgspec.field(default_factory=Timing)


class _Wish(msgspec.Struct, frozen=True, gc=False):
    """Completion tokens: the most that the call may produce, what to hold at first, the least that makes sense."""

    bound: int
    first: int
    least: int
    share: Share

    def whole(self) -> "_Wish":
        """Give the same wish for a reservation that may not be shortened."""
        return _Wish(self.bound, self.first, self.first, Share.OR_REFUSE if self.share else Share.NO)


async def admit(
    gateway: Gateway, call: Call, caller: Caller, company: Company, purpose: Purpose, route: Route, trace: Trace
) -> Admitted:
    """Reserve for a call in all its budgets. Raises BudgetRefused, StoreUnavailable.

    First with the cheap bound of the prompt, for all that is wished; where there is no room for that, with the prompt's
    true count, which alone refuses a call or shortens it.
    """
    dialect, wire_format = DIALECTS[route.provider.dialect], FORMATS[call.endpoint]
    charge = _charge(gateway, call, caller, company, purpose, route)
    budgets = gateway.rules.of(caller, Target(route.provider.name, route.model, purpose.code))
    tariff = _tariff(gateway, call, route, budgets)
    wish = _wish(gateway, call, route, wire_format)
    estimate = bound(call, route.provider)
    order = _order(gateway, charge, call, wish.whole(), estimate, asks(budgets, estimate.prompt_tokens, tariff))
    outcome = await gateway.ledger.reserve(order)
    if isinstance(outcome, Refusal):
        estimate = await counted(gateway, call, route)
        order = _order(gateway, charge, call, wish, estimate, asks(budgets, estimate.prompt_tokens, tariff))
        outcome = await gateway.ledger.reserve(order)
    if isinstance(outcome, Refusal):
        gateway.warnings.observe(caller, outcome.levels)
        raise refused(outcome)
    hold = Hold(gateway.holds, outcome, tariff, estimate.prompt_tokens, _charging(gateway, charge, order))
    cap = _cap(call, route, outcome, wish)
    bound_tokens = _bound(call, route, cap, wish)
    return Admitted(call, caller, purpose, route, dialect, wire_format, estimate, hold, cap, bound_tokens, trace)


async def counted(gateway: Gateway, call: Call, route: Route) -> Estimate:
    """Count a prompt as exactly as it can be."""
    prompt = partial(FORMATS[call.endpoint].prompt, call)
    factor = partial(gateway.corrections.factor, route.provider.name, route.spec.name)
    return await exact(call, route.provider, gateway.counter, prompt, factor)


def _wish(gateway: Gateway, call: Call, route: Route, wire_format: Format) -> _Wish:
    config = gateway.config.ledger
    bounds = [b for b in (call.output_bound, route.spec.max_output_tokens) if b is not None]
    most = min(min(bounds, default=config.default_output_tokens) * call.choices, _MOST_TOKENS)
    if wire_format.is_visible(call, route):
        return _Wish(most, min(most, config.tranche_tokens), min(most, call.choices * call.least_output), Share.NO)
    least = call.choices * call.least_output if call.can_cap else most
    return _Wish(most, most, min(most, least), Share.YES if call.can_cap else Share.NO)


def _tariff(gateway: Gateway, call: Call, route: Route, budgets: Sequence[Budget]) -> Tariff:
    """Give what the call's tokens count. Raises PriceUnknown: a budget counts dollars, and the model has no price."""
    price = FREE if call.is_free else gateway.prices.of(route)
    if price is None and gateway.config.ledger.unpriced is Unpriced.REFUSE:
        budget = needs_price(budgets)
        if budget is not None:
            raise PriceUnknown(route.model, budget.name)
    return Tariff(gateway.config.ledger.weights, price and price.served(call.service))


def _order(
    gateway: Gateway, charge: Charge, call: Call, wish: _Wish, estimate: Estimate, asked: tuple[Ask, ...]
) -> Order:
    company = charge.caller.company
    assert company is not None
    weighted = asked[_token_place(asked)]
    plan = gateway.rollups.plan(
        charge,
        gateway.ledger.now_ms(),
        prompt_tokens=estimate.prompt_tokens,
        weighted_prompt_tokens=weighted.minimum,
        output_weight_micros=weighted.rate_micros,
    )
    user = charge.caller.user.id if charge.caller.user else "-"
    who = f"{company.id}|{user}|{charge.caller.key.name}"
    return Order(call.id, company.id, asked, wish.first, wish.least, share=wish.share, plan=plan, who=who)


def _bound(call: Call, route: Route, cap: int | None, wish: _Wish) -> int | None:
    if cap is not None:
        return cap * call.choices
    is_named = call.is_bounded and call.output_bound is not None
    return wish.bound if is_named or route.spec.max_output_tokens is not None else None


def _cap(call: Call, route: Route, lease: Lease, wish: _Wish) -> int | None:
    """Give the completion tokens per choice to allow upstream; None where that would change nothing.

    Only a hard budget caps: where less was granted than was asked, or where nobody knows the model's own maximum.
    """
    if wish.bound == 0 or not call.can_cap:
        return None
    maximum = route.spec.max_output_tokens
    is_unknown = call.output_bound is None and maximum is None and wish.share is Share.YES
    is_above = call.output_bound is not None and maximum is not None and call.output_bound > maximum
    if lease.granted_tokens >= wish.first and not is_unknown and not is_above:
        return None
    most = lease.granted_tokens if lease.granted_tokens < wish.first else wish.bound
    return most // call.choices if _is_hard(lease) else None


def _is_hard(lease: Lease) -> bool:
    """Say whether a hard budget limits a call; of one admitted without the store only the file's limits are known."""
    if lease.is_local:
        limits = [(ask.budget, ask.budget.limit) for ask in lease.order.asks]
    else:
        limits = [(level.budget, level.limit) for level in lease.levels]
    return any(limit != UNLIMITED and budget.enforcement is Enforcement.HARD for budget, limit in limits)


def _charge(gateway: Gateway, call: Call, caller: Caller, company: Company, purpose: Purpose, route: Route) -> Charge:
    return Charge(
        caller=caller,
        purpose=purpose,
        route=route,
        endpoint=call.endpoint,
        model=gateway.model_names.of(route, company.id, gateway.ledger.now_ms()),
        session=call.session,
        is_tool_turn=call.is_tool_turn,
        imported_chars=sum(map(len, FORMATS[call.endpoint].prompt_texts(call))) if purpose.imports else 0,
    )


def _charging(gateway: Gateway, charge: Charge, order: Order) -> Charged:
    place = _token_place(order.asks)

    def charged(admitted_ms: int, usage: Usage, amounts: list[int]) -> Rollup:
        return gateway.rollups.charged(charge, admitted_ms, usage, amounts[place])

    return charged


def _token_place(asked: Sequence[Ask]) -> int:
    """Give the place of a budget of tokens: the company's is one, and counts every call."""
    return next(place for place, ask in enumerate(asked) if ask.budget.unit is Unit.TOKENS)
