"""From the figures of a recorded call to its estimate, by the estimator's own arithmetic."""

from gateway.model import Call, Estimate, Provider
from gateway.tokens import family_of
from gateway.tokens.estimate import Factor, counted_parts, estimated
from gateway.tokens.families import FORMULAS
from gateway.tokens.parts import Parts
from tests.tokens.recorded.cases import Case


def call_of(case: Case) -> Call:
    """Give the call as far as the estimate needs it: the body's size, not the body."""
    return Call(
        id="recorded",
        endpoint=case.endpoint,
        body={},
        body_bytes=case.body_bytes,
        model=case.model,
        stream=False,
        wants_usage=False,
        output_bound=None,
        choices=1,
        media=case.media,
        has_tools=case.has_tools,
    )


def provider_of(case: Case) -> Provider:
    """Give a provider of which only the dialect is known."""
    return Provider(name="provider", dialect=case.dialect, base_url="")


def estimate_of(case: Case, factor: Factor | None = None) -> Estimate:
    """Estimate the prompt of a recorded call."""
    family = family_of(case.model, case.dialect)
    is_formula = family.formula and case.endpoint in FORMULAS
    figures = case.formula if is_formula and case.formula else case.as_json
    parts = Parts(("",) * figures.texts, figures.overhead_tokens, 0, slack_tokens=figures.slack_tokens)
    counted = counted_parts(parts, figures.text_tokens, family)
    return estimated(call_of(case), provider_of(case), counted, factor)
