"""How far above the truth estimates stand, and what remembered counts save: `python -m benchmarks.estimates`.

The first table is over the recorded calls of `tests/tokens/recorded`: how many tokens, and how many times, an estimate
is above what the provider reported, in the median and at worst. "Learned" is the same once each model's calls have
been reported often enough, so it is the most that learning can give, on the calls that it learned from. The second
table counts one call of an agent's twice: the same instructions, tools and history, and a new question.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import msgspec

from gateway.model import Call, Endpoint, Provider
from gateway.tokens import Corrections, Counter, Vocabularies, exact, family_of
from gateway.tokens.correction import WINDOW
from tests.tokens.recorded.arithmetic import estimate_of
from tests.tokens.recorded.cases import RECORDED, Case

Estimator = Callable[[Case], int]
ROUNDS = 20

INSTRUCTIONS = "Answer as a clerk of the library would, with the shelf and the year of what you name. " * 100
TOOL = {
    "name": "find_book",
    "description": "Find books by a part of their title, their author or the words on their cover.",
    "parameters": {
        "type": "object",
        "properties": {
            name: {"type": "string", "description": f"A part of the {name}"} for name in ("title", "author")
        },
    },
}


def group(case: Case) -> str:
    """Say which row a case belongs to."""
    tools = " + tools" if case.has_tools else ""
    media = " + image" if case.media else ""
    is_foreign = case.dialect == "openai" and not family_of(case.model).formula
    return f"{case.dialect}{' (other vendors)' if is_foreign else ''} {case.endpoint.value}{tools}{media}"


def learned(cases: list[Case]) -> Estimator:
    """Give the estimator that has seen every text-only case often."""
    corrections = Corrections()
    for _ in range(WINDOW):
        for case in cases:
            raw = estimate_of(case).uncorrected_tokens
            if raw is not None:
                corrections.observe(case.dialect, case.model, raw, case.reported_tokens)
    return lambda case: estimate_of(case, partial(corrections.factor, case.dialect, case.model)).prompt_tokens


def surplus(cases: list[Case], estimator: Estimator) -> str:
    """Write how far above the reported tokens: median and worst, in tokens and as a ratio; and how many are below."""
    tokens = [estimator(case) - case.reported_tokens for case in cases]
    ratios = [estimator(case) / case.reported_tokens for case in cases]
    below = sum(one < 0 for one in tokens)
    return f"{median(tokens):8.0f}{max(tokens):8}{median(ratios):8.2f}x{max(ratios):8.2f}x{below:6}"


def print_surplus() -> None:
    """Print the first table."""
    cases = [case for some in RECORDED.values() for case in some]
    rows: dict[str, list[Case]] = defaultdict(list)
    for case in cases:
        rows[group(case)].append(case)
    heads = f"{'median':>8}{'worst':>8}{'median':>9}{'worst':>9}{'below':>6}"
    print(f"{'above what was reported':44}{'calls':>6}{heads}   learned:{heads}")
    after = learned(cases)
    for name, some in sorted({**rows, "all": cases}.items()):
        before = surplus(some, lambda case: estimate_of(case).prompt_tokens)
        print(f"{name:44}{len(some):6}{before}           {surplus(some, after)}")


def chat(question: str) -> dict[str, Any]:
    """Make an agent's call: 8 KB of instructions, forty tools, a history."""
    history = [
        {"role": "user" if turn % 2 else "assistant", "content": f"{turn} {INSTRUCTIONS[:4000]}"} for turn in range(10)
    ]
    tools = [{"type": "function", "function": {**TOOL, "name": f"find_{number}"}} for number in range(40)]
    messages = [{"role": "system", "content": INSTRUCTIONS}, *history, {"role": "user", "content": question}]
    return {"messages": messages, "tools": tools}


async def took_ms(counter: Counter, model: str, question: str) -> float:
    """Count one call as it is counted near a limit."""
    body = {"model": model, **chat(question)}
    size = len(msgspec.json.encode(body))
    call = Call("id", Endpoint.CHAT, body, size, model, False, False, None, 1, has_tools=True)
    started = time.perf_counter()
    await exact(call, Provider("p", "openai", ""), counter, lambda: body)
    return (time.perf_counter() - started) * 1000


async def print_memory() -> None:
    """Print the second table."""
    vocabularies = Vocabularies()
    vocabularies.load()
    print(f"\n{'ms to count an agent`s call':44}{'first':>8}{'again':>8}")
    for model in ("gpt-4o", "claude-sonnet-4-5"):
        first, again = [], []
        for number in range(ROUNDS):
            counter = Counter(vocabularies)
            first.append(await took_ms(counter, model, f"question {number}"))
            again.append(await took_ms(counter, model, f"another question {number}"))
            counter.close()
        print(f"{model:44}{median(first):8.2f}{median(again):8.2f}")


if __name__ == "__main__":
    print_surplus()
    asyncio.run(print_memory())
