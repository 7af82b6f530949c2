"""Estimates against what providers counted themselves, over recorded calls."""

from functools import partial

import pytest

from gateway.model import Endpoint
from gateway.tokens import Corrections, bound
from gateway.tokens.correction import WINDOW
from tests.tokens.recorded.arithmetic import call_of, estimate_of, provider_of
from tests.tokens.recorded.cases import RECORDED, Case

CASES = [case for cases in RECORDED.values() for case in cases]

# The provider's part that no body shows (hosted tools, stored prompts) is held as `unseen_tokens`: none is among these.
LEFT_TO_A_CAP: frozenset[str] = frozenset()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.dialect}-{case.model}-{case.reported_tokens}")
def test_no_estimate_is_below_the_provider_s_count(case: Case) -> None:
    """Neither the estimate nor the bound is below what the provider reported."""
    assert (
        case.reported_tokens <= estimate_of(case).prompt_tokens <= bound(call_of(case), provider_of(case)).prompt_tokens
    )


def test_the_cases_are_many_and_of_every_dialect() -> None:
    """They cover each language, old and new tokenizers, with tools and without."""
    assert len(CASES) >= 40
    assert not LEFT_TO_A_CAP & RECORDED.keys()
    assert {case.dialect for case in CASES} == {"openai", "anthropic", "gemini", "ollama", "bedrock"}
    assert {Endpoint.CHAT, Endpoint.RESPONSES, Endpoint.RESPONSES_COMPACT} <= {case.endpoint for case in CASES}
    assert {case.has_tools for case in CASES if case.dialect == "anthropic"} == {True, False}


@pytest.mark.parametrize("model", ["gpt-4o-mini", "gpt-4.1"])
def test_openai_s_chats_are_counted_to_a_few_tokens(model: str) -> None:
    """By the formula, with the slack for tools, the estimate is at most 14 tokens above the truth."""
    near = [case for case in CASES if case.model == model and case.endpoint is Endpoint.CHAT]
    assert len(near) >= 2
    assert all(estimate_of(case).prompt_tokens - case.reported_tokens <= 14 for case in near)


def test_what_was_learned_stays_above_the_provider_s_count() -> None:
    """Once a model's own calls were reported, the corrected estimates are lower in sum, and none is below the truth."""
    corrections = Corrections()
    text = [case for case in CASES if not case.media]
    for _ in range(WINDOW):
        for case in text:
            raw = estimate_of(case).uncorrected_tokens
            assert raw is not None
            corrections.observe(case.dialect, case.model, raw, case.reported_tokens)
    corrected = [
        estimate_of(case, partial(corrections.factor, case.dialect, case.model)).prompt_tokens for case in text
    ]
    assert all(tokens >= case.reported_tokens for tokens, case in zip(corrected, text, strict=True))
    assert sum(corrected) < sum(estimate_of(case).prompt_tokens for case in text) * 0.8
