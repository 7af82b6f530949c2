"""What usage amounts to in a budget's unit: weighted tokens, micro-dollars, requests, nothing for in-flight. Pure.

A budget of dollars counts what has a price: a call that costs nothing, or whose model has no price, asks nothing of it.
Whether a call without a price may be made at all is another question: `needs_price`.
"""

from collections.abc import Iterable, Sequence

from gateway.budget.wire import Ask
from gateway.model import FREE, MICROS, UNLIMITED, Budget, Enforcement, Tariff, Unit, Usage, Weights


def weighted_tokens(usage: Usage, weights: Weights) -> int:
    """Give the weighted sum of a usage's token classes, rounded up; weights are millionths."""
    plain = usage.input_tokens - usage.cache_read_tokens - usage.cache_creation_tokens
    micros = (
        max(0, plain) * weights.input
        + usage.cache_read_tokens * weights.cache_read
        + usage.cache_creation_tokens * weights.cache_creation
        + usage.output_tokens * weights.output
    )
    return -(-micros // MICROS)


def asks(budgets: Sequence[Budget], prompt_tokens: int, tariff: Tariff) -> tuple[Ask, ...]:
    """Give what a call of `prompt_tokens` asks of each budget that counts it, in their order.

    Which class its tokens fall in is not known: the dearest is asked.
    """
    price, weights = tariff.price or FREE, tariff.weights
    weight = max(weights.input, weights.cache_read, weights.cache_creation)
    minimum = -(-prompt_tokens * weight // MICROS)
    asked: list[Ask] = []
    for budget in budgets:
        if budget.unit is Unit.TOKENS:
            asked.append(Ask(budget, minimum, weights.output))
        elif budget.unit is not Unit.USD:
            asked.append(Ask(budget, 1, 0))
        elif not price.is_free:
            asked.append(Ask(budget, *price.dearest(prompt_tokens)))
    return tuple(asked)


def charges(asked: Sequence[Ask], usage: Usage, tariff: Tariff) -> list[int]:
    """Give what each budget is charged for a usage."""
    amounts: list[int] = []
    tokens = weighted_tokens(usage, tariff.weights)
    for ask in asked:
        unit = ask.budget.unit
        if unit is Unit.TOKENS:
            amounts.append(tokens)
        elif unit is Unit.USD:
            amounts.append((tariff.price or FREE).cost_micros(usage))
        else:
            amounts.append(1 if unit is Unit.REQUESTS else 0)
    return amounts


def needs_price(budgets: Iterable[Budget]) -> Budget | None:
    """Give the first budget that a call without a price could get past: one of dollars that would refuse."""
    for budget in budgets:
        if budget.unit is Unit.USD and budget.enforcement is not Enforcement.SHADOW and budget.limit != UNLIMITED:
            return budget
    return None


def held_for(ask: Ask, granted_tokens: int) -> int:
    """Give what an ask holds for a grant of completion tokens; in-flight and requests hold one."""
    return ask.minimum - (-granted_tokens * ask.rate_micros // MICROS)
