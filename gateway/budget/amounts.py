"""What usage amounts to in a budget's unit: weighted tokens (rounded up), requests, nothing for in-flight. Pure."""

from collections.abc import Sequence

from gateway.budget.wire import Ask
from gateway.model import MICROS, Budget, Unit, Usage, Weights


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


def asks(budgets: Sequence[Budget], prompt_tokens: int, weights: Weights) -> tuple[Ask, ...]:
    """Give what a call of `prompt_tokens` asks of each budget; which class they fall in is not known: the dearest."""
    dearest = max(weights.input, weights.cache_read, weights.cache_creation)
    prompt = -(-prompt_tokens * dearest // MICROS)
    return tuple(
        Ask(budget, prompt, weights.output) if budget.unit is Unit.TOKENS else Ask(budget, 1, 0) for budget in budgets
    )


def charges(asked: Sequence[Ask], usage: Usage, weights: Weights) -> list[int]:
    """Give what each budget is charged for a usage."""
    tokens = weighted_tokens(usage, weights)
    amount = {Unit.TOKENS: tokens, Unit.REQUESTS: 1, Unit.IN_FLIGHT: 0}
    return [amount[ask.budget.unit] for ask in asked]


def held_for(ask: Ask, granted_tokens: int) -> int:
    """Give what an ask holds for a grant; in-flight and requests hold one."""
    return ask.minimum - (-granted_tokens * ask.rate_micros // MICROS)
